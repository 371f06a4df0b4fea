"""Words and numbers of a part of a file, read on all threads (records.h)."""

cimport numpy as cnp
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t

from fastembed.runtime.pool cimport share, slice_function

import numpy as np

cnp.import_array()


cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *errors)


cdef extern from "records.h" nogil:
    int PIECE
    ctypedef struct records:
        const char *text
        Py_ssize_t length
        Py_ssize_t D, most
        void *out
        int is_double
        Py_ssize_t *begin
        Py_ssize_t *end
        Py_ssize_t *rows
        Py_ssize_t *bad
    void count_rows(const void *, int64_t, int64_t, int64_t)
    void read_rows(const void *, int64_t, int64_t, int64_t)
    Py_ssize_t find_records(const records *, Py_ssize_t *used, int *bad)
    void copy_records(const void *, int64_t, int64_t, int64_t)
    int MAKE_C_LOCALE()


# nanoseconds of one thread, see ops/_costs.pxd
cdef double NS_A_BYTE_READ = 0.5, NS_A_BYTE_FOUND = 0.05, NS_A_BYTE_COPIED = 0.1

if not MAKE_C_LOCALE():
    raise MemoryError("no locale for numbers")


cdef class Reader:
    """Rows of a file as it is read: at most so many, of D numbers of dtype float32 or float64."""

    cdef records r
    cdef Py_ssize_t[::1] begin, end

    def __init__(self, Py_ssize_t D):
        self.r.D = D

    cdef int _set(self, unsigned char[::1] text, Py_ssize_t length, out) except -1:
        cdef cnp.ndarray array = out
        cdef Py_ssize_t most = array.shape[0]
        if self.begin is None or self.begin.shape[0] < most:
            self.begin, self.end = np.empty(most, np.intp), np.empty(most, np.intp)
        self.r.text, self.r.length = <const char *>&text[0], length
        self.r.most, self.r.out = most, cnp.PyArray_DATA(array)
        self.r.is_double = cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64
        self.r.begin, self.r.end = &self.begin[0], &self.end[0]
        return 0

    def count(self, unsigned char[::1] text, Py_ssize_t length):
        """How many lines a text has, which ends with a newline: those of each piece."""
        cdef Py_ssize_t pieces = (length + PIECE - 1) // PIECE
        cdef Py_ssize_t[::1] rows = np.zeros(pieces, np.intp)
        self.r.text, self.r.length, self.r.rows = <const char *>&text[0], length, &rows[0]
        with nogil:
            share(<slice_function>count_rows, &self.r, pieces, 1, length * NS_A_BYTE_FOUND)
        return np.asarray(rows)

    def lines(self, unsigned char[::1] text, Py_ssize_t length, Py_ssize_t[::1] rows, out):
        """Read lines into out (n, D); returns how many were good: the next one is not.

        Unchecked: rows is what `count` gave; the text is followed by 8 bytes without digits.
        """
        cdef Py_ssize_t k, pieces = rows.shape[0]
        cdef Py_ssize_t[::1] bad = np.empty(pieces, np.intp)
        self._set(text, length, out)
        self.r.rows, self.r.bad = &rows[0], &bad[0]
        with nogil:
            share(<slice_function>read_rows, &self.r, pieces, 1, length * NS_A_BYTE_READ)
        for k in range(pieces):
            if bad[k] < self.r.most:
                return bad[k]
        return self.r.most

    def records(self, unsigned char[::1] text, Py_ssize_t length, out):
        """Read whole binary records into out (n, D) of float32: how many, bytes, a bad one."""
        cdef Py_ssize_t count, used
        cdef int bad
        self._set(text, length, out)
        with nogil:
            count = find_records(&self.r, &used, &bad)
            share(
                <slice_function>copy_records, &self.r, count, 64,
                4. * count * self.r.D * NS_A_BYTE_COPIED)
        return count, used, bool(bad)

    def words(self, Py_ssize_t count, list found, str encoding, str errors):
        """Append the words of the last rows that were read."""
        cdef Py_ssize_t k, length
        cdef const char *word
        cdef bytes handler = errors.encode()
        cdef bint utf8 = encoding.lower() in ("utf-8", "utf8")
        for k in range(count):
            word, length = self.r.text + self.begin[k], self.end[k] - self.begin[k]
            if utf8:
                found.append(PyUnicode_DecodeUTF8(word, length, handler))
            else:
                found.append(PyBytes_FromStringAndSize(word, length).decode(encoding, errors))
