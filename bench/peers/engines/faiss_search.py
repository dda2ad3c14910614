"""Exact top-1 search by inner product with FAISS, one search for each line on standard input.

Arguments: queries, pool rows, width. Standard input: the pool and the queries as float32, then
lines: "run" is answered by "done", "results" by the indices. Without arguments: the version, the
threads and the file that FAISS has its matrix product from, a line each.
"""

import ctypes
import os
import sys

import faiss
import numpy


class Symbol(ctypes.Structure):
    """What dladdr says of an address (Dl_info)."""

    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def blas_file():
    """The library whose sgemm_ FAISS calls, links followed; empty where it is not to be found.

    Several may be loaded: FAISS's LAPACK can be OpenBLAS's where its BLAS is the reference one. So
    the symbol is looked up as the loader looks it up for FAISS's own library.
    """
    modules = [name for name in sys.modules if "_swigfaiss" in name]
    try:
        library = ctypes.CDLL(sys.modules[modules[0]].__file__)
        sgemm = ctypes.cast(library.sgemm_, ctypes.c_void_p)
        symbol = Symbol()
        ctypes.CDLL(None).dladdr(sgemm, ctypes.byref(symbol))
        return os.path.realpath(symbol.file.decode())
    except (AttributeError, IndexError, OSError):
        return ""


def search(queries, pool, width):
    """Read the operands, then answer line by line."""

    def read(rows):
        data = sys.stdin.buffer.read(4 * rows * width)
        return numpy.frombuffer(data, dtype=numpy.float32).reshape(rows, width)

    index = faiss.IndexFlatIP(width)
    index.add(read(pool))
    wanted = read(queries)
    for line in sys.stdin.buffer:
        _, found = index.search(wanted, 1)
        print(*(found[:, 0] if line.strip() == b"results" else ["done"]), flush=True)


if len(sys.argv) > 1:
    search(*map(int, sys.argv[1:]))
else:
    print(faiss.__version__, faiss.omp_get_max_threads(), blas_file(), sep="\n")
