/* Every recurrent cell, once by the file of its arithmetic and once by its name. */

#ifdef REAL
#include "gru.h"
#include "lstm.h"
#include "rnn.h"
#else
#define CELLS(each) each(gru) each(lstm) each(rnn)
#endif
