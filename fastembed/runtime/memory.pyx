"""Large scratch memory that is used again: fresh pages cost more than what is done in them."""

cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.string cimport memcpy

cdef extern from *:
    """
    #ifdef FASTEMBED_DEBUG
    /* who reads what he has not written finds large numbers, of any type */
    #define POISON(start, size) memset(start, 0x5A, size)
    #else
    #define POISON(start, size)
    #endif
    """
    void POISON(char *start, size_t size) noexcept

cdef enum:
    LINE = 64  # bytes of a cache line
    SMALL = 1 << 16  # bytes; malloc reuses these by itself
    LARGEST = 1 << 28  # bytes that may lie unused in all
    PLACES = 16

# blocks that lie unused; the GIL is held wherever they are touched, and no Python code runs
cdef void *_blocks[PLACES]
cdef size_t _sizes[PLACES]
cdef size_t _unused = 0
cdef int _turn = 0  # the place that is emptied next


@cython.freelist(16)
cdef class Memory:
    """Uninitialised memory for as long as this object lives; a copy or a pickle holds its bytes."""

    def __dealloc__(self):
        if self.size < SMALL or self.size > LARGEST:
            PyMem_RawFree(self.block)
        else:
            keep(self.block, self.size)

    def __reduce__(self):
        return _with_bytes, (self.start[:self.size],)


cdef void keep(void *block, size_t size) noexcept:
    """Put a block where take finds it, in the place of others if there is no room."""
    global _unused, _turn
    cdef int k = 0
    while k < PLACES and _blocks[k] != NULL:
        k += 1
    while k == PLACES or _unused + size > LARGEST:
        if k == PLACES:
            k = _turn
        if _blocks[_turn] != NULL:
            PyMem_RawFree(_blocks[_turn])
            _blocks[_turn] = NULL
            _unused -= _sizes[_turn]
        _turn = (_turn + 1) % PLACES
    _blocks[k], _sizes[k] = block, size
    _unused += size


cdef Memory take(size_t nbytes):
    """Memory of at least so many bytes that begins at a cache line."""
    global _unused
    cdef Memory memory = Memory.__new__(Memory)
    cdef size_t step
    cdef int k
    if nbytes > <size_t>PY_SSIZE_T_MAX:  # the steps would never reach it
        raise MemoryError(f"no memory for {nbytes} bytes of scratch")
    if nbytes >= SMALL:
        step = SMALL
        while step * 16 < nbytes:
            step *= 2
        nbytes = (nbytes + step - 1) // step * step  # few sizes: similar calls share blocks
        for k in range(PLACES):
            if _sizes[k] == nbytes and _blocks[k] != NULL:
                memory.block, memory.size = _blocks[k], nbytes
                _blocks[k] = NULL
                _unused -= nbytes
                break
    if memory.block == NULL:
        memory.block = PyMem_RawMalloc(nbytes + LINE)
        if memory.block == NULL:
            raise MemoryError(f"no memory for {nbytes} bytes of scratch")
        memory.size = nbytes
    memory.start = <char *>((<size_t>memory.block + LINE - 1) & ~<size_t>(LINE - 1))
    POISON(memory.start, nbytes)
    return memory


def _with_bytes(bytes content):
    cdef Memory memory = take(len(content))
    memcpy(memory.start, <const char *>content, len(content))
    return memory
