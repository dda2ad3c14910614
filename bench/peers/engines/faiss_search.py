"""Exact top-1 search by inner product with FAISS, one search for each line on standard input.

Arguments: queries, pool rows, width. Standard input: the pool and the queries as float32, then
lines: "run" is answered by "done", "results" by the indices.
"""

import sys

import faiss
import numpy

queries, pool, width = map(int, sys.argv[1:])


def read(rows):
    data = sys.stdin.buffer.read(4 * rows * width)
    return numpy.frombuffer(data, dtype=numpy.float32).reshape(rows, width)


index = faiss.IndexFlatIP(width)
index.add(read(pool))
wanted = read(queries)
for line in sys.stdin.buffer:
    _, found = index.search(wanted, 1)
    print(*(found[:, 0] if line.strip() == b"results" else ["done"]), flush=True)
