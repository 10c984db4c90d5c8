"""Search by words: any case, any accent, by prefix, in the languages that our users write.

`words_of` gives what a document stores, `query_of` what a search asks for; the two agree on `fold`. Decision 0005.
"""

from services.chassis.resources.search.document import words_of
from services.chassis.resources.search.fold import fold
from services.chassis.resources.search.query import INDEXES, query_of

__all__ = ["INDEXES", "fold", "query_of", "words_of"]
