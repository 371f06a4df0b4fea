/* Template: all kernels of one instruction set, for float and double. */

#define REAL float
#define REAL_IS_FLOAT
#define WORD int32_t
#define LANES (VECTOR_BYTES / 4)
#define NAME(x) ISA(x##_f)
#include "one_type.h"
#undef REAL_IS_FLOAT

#define REAL double
#define WORD int64_t
#define LANES (VECTOR_BYTES / 8)
#define NAME(x) ISA(x##_d)
#include "one_type.h"

#define FLOAT_CELL(name) &ISA(name##_cell_f),
#define DOUBLE_CELL(name) &ISA(name##_cell_d),
#define TABLE(t, CELL_OF)                                                                        \
    {{CELLS(CELL_OF)}, ISA(apply_##t), ISA(product_units_##t), ISA(product_scratch_##t),         \
     ISA(product_##t), ISA(word2vec_draw_##t), ISA(word2vec_train_##t),                          \
     ISA(word2vec_add_logarithms_##t)}
static const instruction_set ISA(kernels) = {
    ISA_NAME, {TABLE(f, FLOAT_CELL), TABLE(d, DOUBLE_CELL)}};

#undef VECTOR_BYTES
#undef ROWS
#undef ISA
#undef ISA_NAME
