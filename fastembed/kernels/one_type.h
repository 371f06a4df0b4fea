/* Template: all kernels of one instruction set and type. */

#include "lanes.h"
#include "product.h"
#include "gemm.h"
#include "sequence.h"
#include "cells.h"
#include "elementwise.h"
#include "word2vec.h"
#undef REAL
#undef WORD
#undef LANES
#undef NAME
