"""The gateway: REST to gRPC from descriptors, events to browsers, the API's description. It knows no record."""
