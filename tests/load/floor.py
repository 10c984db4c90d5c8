"""The floor below everything: a bare synchronous gRPC server whose method is one find_one. `floor.py URI PORT_FILE`."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from kith.contact.v1.contact_pb2 import Contact
from kith.contact.v1.contact_service_pb2 import GetContactRequest
from pymongo import MongoClient

METHOD = "/floor.Floor/Get"


def serve(uri: str, database: str, port_file: Path) -> None:
    """Serves until it is ended; writes its port into a file."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    collection = client[database]["contacts"]

    def get(request: GetContactRequest, context: grpc.ServicerContext) -> Contact:
        document = collection.find_one({"_id": request.name})
        assert document is not None
        return Contact(name=document["_id"], given_name=document["given_name"], family_name=document["family_name"])

    handler = grpc.unary_unary_rpc_method_handler(
        get, request_deserializer=GetContactRequest.FromString, response_serializer=Contact.SerializeToString
    )
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("floor.Floor", {"Get": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    port_file.write_text(str(port))
    threading.Event().wait()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
