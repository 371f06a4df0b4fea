/* Template: all kernels of one instruction set, for float and double. */

#define REAL float
#define REAL_IS_FLOAT
#define WORD int32_t
#define LANES (VECTOR_BYTES / 4)
#define NAME(x) ISA(x##_f)
#include "lanes.h"
#include "product.h"
#include "gemm.h"
#include "sequence.h"
#include "lstm.h"
#include "gru.h"
#include "rnn.h"
#include "elementwise.h"
#undef REAL
#undef REAL_IS_FLOAT
#undef WORD
#undef LANES
#undef NAME
#undef VEC
#undef BITS
#undef LINE
#undef QUAD
#undef DX_ROWS
#undef DW_STRIPS
#undef SUM
#undef CHUNK_BYTES
#undef STEP_ROWS
#undef SPAN
#undef DEPTH
#undef BLOCK_ROWS
#undef GROUP_BYTES

#define REAL double
#define WORD int64_t
#define LANES (VECTOR_BYTES / 8)
#define NAME(x) ISA(x##_d)
#include "lanes.h"
#include "product.h"
#include "gemm.h"
#include "sequence.h"
#include "lstm.h"
#include "gru.h"
#include "rnn.h"
#include "elementwise.h"
#undef REAL
#undef WORD
#undef LANES
#undef NAME
#undef VEC
#undef BITS
#undef LINE
#undef QUAD
#undef DX_ROWS
#undef DW_STRIPS
#undef SUM
#undef CHUNK_BYTES
#undef STEP_ROWS
#undef SPAN
#undef DEPTH
#undef BLOCK_ROWS
#undef GROUP_BYTES

#define TABLE(t)                                                                             \
    {{&ISA(lstm_cell_##t), &ISA(gru_cell_##t), &ISA(rnn_cell_##t)}, ISA(apply_##t),          \
     ISA(product_units_##t), ISA(product_scratch_##t), ISA(product_##t)}
static const variant ISA(variant) = {ISA_NAME, {TABLE(f), TABLE(d)}};
#undef TABLE
