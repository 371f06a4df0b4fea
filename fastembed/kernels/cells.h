/* Every recurrent cell, once by the file of its arithmetic and once by its name. */

#ifdef REAL
#include "gru.h"
#include "gru_reset_after.h"
#include "lstm.h"
#include "rnn.h"
#else
#define CELLS(each) each(gru) each(gru_reset_after) each(lstm) each(rnn)
#endif
