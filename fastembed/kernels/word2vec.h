/* word2vec with negative sampling: what is drawn for a text, and training in small batches.
 *
 * A group is rows of W_in, of which h is made, and rows of W_out with labels: a word's target and its
 * negatives. CBOW has a group for each word, skip-gram one for each word around it.
 * The scores of a batch of groups are made of the weights as they were before the batch. Then its
 * groups are learnt one after the other. Columns are cut into slices, and a thread has some of them in
 * every row: nobody else reads or writes these. What threads tell each other are the parts of the
 * scores, which are added in the order of the slices. So the bits depend on no number of threads.
 */

#ifndef REAL

enum {
    WORD2VEC_PIECE = 512, /* places of the text that are drawn by one thread */
    WORD2VEC_FAR = 6,     /* a score beyond it teaches nothing: see docs/word2vec.md */
    WORD2VEC_TERMS = 60   /* that are at most 2, multiplied before their logarithm is taken */
};

typedef struct {
    int32_t in, ins, out, outs; /* from where on in the lists of the block, and how many */
} word2vec_group;

/* The loss is sum and the logarithms of the products, each of so many terms. */
typedef struct {
    union {
        float f[16];
        double d[8];
    } products;
    double sum;
    ptrdiff_t terms;
} word2vec_loss;

typedef struct {
    ptrdiff_t slices, V, C;
    void *W_in, *W_out; /* (slices, V, C) */
    const int32_t *ids; /* (size,); what is no id of a row ends a sentence */
    ptrdiff_t size;
    const void *keep;   /* (V,): with which probability a word is kept */
    const void *accept; /* (V,), and alias: Walker's table of the negatives */
    const int32_t *alias;
    int32_t window, negative;
    int shrink_windows, skip_gram, mean;
    uint64_t seed;
    double lr;
    /* a block: the text from first to stop, in pieces */
    ptrdiff_t first, stop;
    ptrdiff_t most_pairs, most_ins, most_outs; /* groups of a word; rows of a group */
    int32_t *words; /* the words of each piece that are kept, and those around: see word2vec_room */
    word2vec_group *groups;
    int32_t *in, *out;
    uint8_t *labels;
    int32_t *drawn; /* groups of each piece */
    /* batches: groups 2 k to 2 k + 1 of borders */
    int32_t *borders;
    ptrdiff_t batches, most_groups, most; /* of a batch: groups, and scores */
    void *h;                         /* (slices, most_groups, room for C) */
    void *scores[2];                 /* (slices, most), of even and of odd batches */
    void *factors;                   /* (slices, most) */
    word2vec_loss *loss; /* in lines of its own: who learns the first slice writes it all the time */
} word2vec_job;

static inline uint64_t random_scrambled(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* SplitMix64 (G. Steele et al., 2014), begun anew at each place of a text: any part can be drawn
 * anywhere, at any time. */
#define GOLDEN 0x9E3779B97F4A7C15u
static inline uint64_t random_start(uint64_t seed, ptrdiff_t place)
{
    return random_scrambled(seed + GOLDEN * (uint64_t)place);
}

static inline uint64_t random_next(uint64_t *state)
{
    return random_scrambled(*state += GOLDEN);
}

/* In [0, 1), of the low bits: as many as a float has. */
static inline float random_unit(uint64_t bits) { return (float)(bits & 0xFFFFFF) * 0x1p-24f; }

/* In [0, n), of the high bits. */
static inline int32_t random_below(uint64_t bits, int32_t n)
{
    return (int32_t)((bits >> 32) * (uint64_t)n >> 32);
}

#else

/* ---- drawing */

#define IS_WORD(id) ((uint64_t)(id) < (uint64_t)j->V)

INLINE int NAME(word2vec_kept)(const word2vec_job *j, ptrdiff_t place, int32_t id)
{
    uint64_t state = random_start(j->seed, place);
    return random_unit(random_next(&state)) < ((const REAL *)j->keep)[id];
}

/* A target and its negatives, which are other words; returns the end of the list. */
INLINE int32_t NAME(word2vec_draw_target)(
    const word2vec_job *j, int32_t target, uint64_t *state, int32_t out)
{
    const REAL *accept = j->accept;
    const int32_t *alias = j->alias, V = (int32_t)j->V, negative = j->negative;
    int32_t *rows = j->out;
    uint8_t *labels = j->labels;
    rows[out] = target, labels[out++] = 1;
    for (int32_t n = 0; n < negative; n++) {
        const uint64_t bits = random_next(state);
        const int32_t place = random_below(bits, V), other = alias[place];
        const int32_t swap = -(random_unit(bits) >= accept[place]); /* a branch would be a guess */
        const int32_t id = (place & ~swap) | (other & swap);
        rows[out] = id, labels[out] = 0;
        out += (id != target) & ((uint32_t)id < (uint32_t)V);
    }
    return out;
}

/* The groups of one piece. */
static void NAME(word2vec_draw_piece)(const word2vec_job *j, ptrdiff_t piece)
{
    const ptrdiff_t from = j->first + piece * WORD2VEC_PIECE;
    const ptrdiff_t to = from + WORD2VEC_PIECE < j->stop ? from + WORD2VEC_PIECE : j->stop;
    int32_t *words = j->words + piece * (WORD2VEC_PIECE + 2 * j->window);
    int16_t places[WORD2VEC_PIECE];
    const ptrdiff_t before = piece * WORD2VEC_PIECE * j->most_pairs;
    word2vec_group *const first = j->groups + before, *group = first;
    int32_t in = (int32_t)(before * j->most_ins), out = (int32_t)(before * j->most_outs);
    ptrdiff_t low = j->window, end = j->window, high;

    /* a sentence may go on beyond the piece on both sides */
    for (ptrdiff_t k = from - 1; k >= 0 && low > 0; k--) {
        const int32_t id = j->ids[k];
        if (!IS_WORD(id))
            break;
        if (NAME(word2vec_kept)(j, k, id))
            words[--low] = id;
    }
    for (ptrdiff_t k = from; k < to; k++) {
        const int32_t id = j->ids[k];
        if (IS_WORD(id) && !NAME(word2vec_kept)(j, k, id))
            continue;
        places[end - j->window] = (int16_t)(k - from);
        words[end++] = IS_WORD(id) ? id : -1;
    }
    high = end;
    for (ptrdiff_t k = to; k < j->size && high < end + j->window; k++) {
        const int32_t id = j->ids[k];
        if (!IS_WORD(id))
            break;
        if (NAME(word2vec_kept)(j, k, id))
            words[high++] = id;
    }

    for (ptrdiff_t k = j->window; k < end; k++) {
        if (words[k] < 0)
            continue;
        uint64_t state = random_start(j->seed, from + places[k - j->window]);
        const ptrdiff_t drawn = 1 + random_below(random_next(&state), j->window);
        const ptrdiff_t reach = j->shrink_windows ? drawn : j->window;
        ptrdiff_t left = k, right = k + 1;
        while (left > low && k - left < reach && words[left - 1] >= 0)
            left--;
        while (right < high && right - k <= reach && words[right] >= 0)
            right++;
        if (right - left == 1)
            continue;
        for (ptrdiff_t other = left; other < right;) {
            *group = (word2vec_group){in, 0, out, 0};
            do { /* one of them, or all */
                if (other != k)
                    j->in[in++] = words[other];
            } while (++other < right && (!j->skip_gram || in == group->in));
            group->ins = in - group->in;
            if (!group->ins)
                break;
            out = NAME(word2vec_draw_target)(j, words[k], &state, out);
            group->outs = out - group->out;
            group++;
        }
    }
    j->drawn[piece] = (int32_t)(group - first);
}
#undef IS_WORD

static void NAME(word2vec_draw)(const void *args, int64_t lo, int64_t hi, int64_t member)
{
    (void)member;
    for (int64_t piece = lo; piece < hi; piece++)
        NAME(word2vec_draw_piece)(args, piece);
}

/* ---- training: a tile is n vectors of columns, the last of which may have but `part` numbers */

#define LOAD(p, v)                                                                               \
    (part && (v) == n - 1 ? NAME(load_part)((p) + (v) * LANES, part) : NAME(load)((p) + (v) * LANES))
#define STORE(p, v, x)                                                                           \
    if (part && (v) == n - 1)                                                                    \
        NAME(store_part)((p) + (v) * LANES, x, part);                                            \
    else                                                                                         \
        NAME(store)((p) + (v) * LANES, x)
#define EACH(v)                                                                                  \
    UNROLL                                                                                       \
    for (int v = 0; v < n; v++)

/* Make h, and its products with rows of W_out; add them to the scores, or begin with them. */
INLINE void NAME(word2vec_score_tile)(
    const word2vec_job *j, const word2vec_group *group, const REAL *W_in, const REAL *W_out, REAL *h,
    REAL *scores, int add, const int n, ptrdiff_t part)
{
    const int32_t *in = j->in + group->in, *out = j->out + group->out;
    const ptrdiff_t ins = group->ins, outs = group->outs, C = j->C;
    VEC sum[n];
    EACH(v) sum[v] = LOAD(W_in + in[0] * C, v);
    for (ptrdiff_t k = 1; k < ins; k++)
        EACH(v) sum[v] += LOAD(W_in + in[k] * C, v);
    const VEC scale = NAME(splat)(j->mean ? (REAL)1 / ins : (REAL)1);
    EACH(v)
    {
        sum[v] *= scale;
        NAME(store)(h + v * LANES, sum[v]);
    }
    for (ptrdiff_t first = 0; first < outs; first += LANES) {
        const ptrdiff_t count = outs - first < LANES ? outs - first : LANES;
        VEC rows[LANES];
        for (ptrdiff_t k = 0; k < count; k++) {
            const REAL *w = W_out + out[first + k] * C;
            VEC product = LOAD(w, 0) * sum[0];
            UNROLL
            for (int v = 1; v < n; v++)
                product += LOAD(w, v) * sum[v];
            rows[k] = product;
        }
        for (ptrdiff_t k = count; k < LANES; k++)
            rows[k] = (VEC){0};
        const VEC total = NAME(sums)(rows);
        NAME(store)(scores + first, add ? total + NAME(load)(scores + first) : total);
    }
}

/* Learn: rows of W_out one after the other, then those of W_in. */
INLINE void NAME(word2vec_learn_tile)(
    const word2vec_job *j, const word2vec_group *group, REAL *W_in, REAL *W_out, const REAL *h,
    const REAL *factors, const int n, ptrdiff_t part)
{
    const int32_t *in = j->in + group->in, *out = j->out + group->out;
    const ptrdiff_t ins = group->ins, outs = group->outs, C = j->C;
    VEC mean[n], error[n];
    EACH(v) mean[v] = NAME(load)(h + v * LANES), error[v] = (VEC){0};
    for (ptrdiff_t k = 0; k < outs; k++) {
        REAL *w = W_out + out[k] * C;
        const VEC factor = NAME(splat)(factors[k]);
        EACH(v)
        {
            const VEC old = LOAD(w, v);
            error[v] += factor * old;
            STORE(w, v, old + factor * mean[v]);
        }
    }
    if (!j->mean)
        EACH(v) error[v] *= (REAL)1 / ins;
    for (ptrdiff_t k = 0; k < ins; k++) {
        REAL *w = W_in + in[k] * C;
        EACH(v) STORE(w, v, LOAD(w, v) + error[v]);
    }
}
#undef LOAD
#undef STORE
#undef EACH

#define TILE (VECTOR_BYTES == 64 ? 8 : 4) /* vectors: what the registers hold twice */
/* Call tile for all columns, a few vectors at a time. */
#define FOR_TILES(tile)                                                                          \
    for (ptrdiff_t column = 0, n; column < j->C; column += (n ? n : 1) * LANES) {                \
        n = (j->C - column) / LANES;                                                             \
        switch (n < TILE ? n : TILE) {                                                           \
        case 0: tile(1, j->C - column); break;                                                   \
        case 1: tile(1, 0); break;                                                               \
        case 2: tile(2, 0); break;                                                               \
        case 3: tile(3, 0); break;                                                               \
        case 4: tile(4, 0), n = TILE < 5 ? TILE : n; break;                                      \
        case 5: tile(5, 0); break;                                                               \
        case 6: tile(6, 0); break;                                                               \
        case 7: tile(7, 0); break;                                                               \
        default: tile(8, 0), n = TILE;                                                           \
        }                                                                                        \
    }

#ifdef REAL_IS_FLOAT
#define PRODUCTS products.f
#else
#define PRODUCTS products.d
#endif

static void NAME(word2vec_add_logarithms)(word2vec_loss *loss)
{
    for (int v = 0; v < LANES; v++) {
        loss->sum += loss->terms ? log(loss->PRODUCTS[v]) : 0;
        loss->PRODUCTS[v] = 1;
    }
    loss->terms = 0;
}

/* The rate times (label - sigmoid of score), for a batch; one of all parts adds the loss. */
static void NAME(word2vec_factors)(
    const word2vec_job *j, ptrdiff_t batch, REAL *restrict factors, word2vec_loss *loss)
{
    const word2vec_group *first = j->groups + j->borders[2 * batch];
    const word2vec_group *last = j->groups + j->borders[2 * batch + 1] - 1;
    const ptrdiff_t count = last->out + last->outs - first->out, slices = j->slices;
    const ptrdiff_t most = j->most;
    const uint8_t *labels = j->labels + first->out;
    const REAL *scores = j->scores[batch & 1];
    const REAL lr = (REAL)j->lr;
    VEC sum = {0};
    for (ptrdiff_t k = 0; k < count; k += LANES) {
        VEC x = {0}, label;
        if (count - k < LANES)
            for (ptrdiff_t s = 0; s < slices; s++)
                x += NAME(load_part)(scores + s * most + k, count - k);
        else
            for (ptrdiff_t s = 0; s < slices; s++)
                x += NAME(load)(scores + s * most + k);
        UNROLL
        for (int v = 0; v < LANES; v++)
            label[v] = (REAL)labels[k + v];
        const VEC far = NAME(magnitude)(x), e = NAME(decay)(far);
        const VEC sigmoid = NAME(select)((BITS)(x < 0), e, NAME(splat)(1)) / (1 + e);
        const VEC error = lr * (label - sigmoid);
        NAME(store)(factors + k, NAME(select)((BITS)(far < WORD2VEC_FAR), error, NAME(splat)(0)));
        if (!loss)
            continue;
        /* -log p = log(1 + e^-|x|), and |x| where x has the wrong sign */
        sum += far - x * (2 * label - 1);
        const VEC product = loss->terms ? NAME(load)(loss->PRODUCTS) : NAME(splat)(1);
        NAME(store)(loss->PRODUCTS, product * (1 + e));
        if (++loss->terms == WORD2VEC_TERMS)
            NAME(word2vec_add_logarithms)(loss);
    }
    if (!loss)
        return;
    for (int v = 0; v < LANES; v++)
        loss->sum += sum[v] / 2;
    loss->sum -= (double)((LANES - count % LANES) % LANES) * 0.6931471805599453; /* of scores of 0 */
}
#undef PRODUCTS

#define EACH_GROUP(group)                                                                        \
    const word2vec_group *first = j->groups + j->borders[2 * batch];                             \
    const word2vec_group *end = j->groups + j->borders[2 * batch + 1];                           \
    const ptrdiff_t room = (j->C + LINE - 1) / LINE * LINE;                                      \
    for (const word2vec_group *group = first; group < end; group++)                              \
        for (ptrdiff_t s = lo; s < hi; s++)
#define OF_GROUP(x, of)                                                                          \
    const ptrdiff_t slice = s * j->V * j->C;                                                     \
    REAL *W_in = (REAL *)j->W_in + slice, *W_out = (REAL *)j->W_out + slice;                     \
    REAL *h = (REAL *)j->h + (s * j->most_groups + group - first) * room;                        \
    REAL *x = (REAL *)of + s * j->most + group->out - first->out

static void NAME(word2vec_score)(const word2vec_job *j, ptrdiff_t batch, ptrdiff_t lo, ptrdiff_t hi)
{
    EACH_GROUP(group)
    {
        OF_GROUP(scores, j->scores[batch & 1]);
#define SCORE(n, part)                                                                           \
    NAME(word2vec_score_tile)(                                                                   \
        j, group, W_in + column, W_out + column, h + column, scores, column != 0, n, part)
        FOR_TILES(SCORE)
#undef SCORE
    }
}

static void NAME(word2vec_learn)(const word2vec_job *j, ptrdiff_t batch, ptrdiff_t lo, ptrdiff_t hi)
{
    NAME(word2vec_factors)(j, batch, (REAL *)j->factors + lo * j->most, lo ? NULL : j->loss);
    EACH_GROUP(group)
    {
        OF_GROUP(unused, j->factors);
        const REAL *factors = unused - (s - lo) * j->most;
#define LEARN(n, part)                                                                           \
    NAME(word2vec_learn_tile)(                                                                   \
        j, group, W_in + column, W_out + column, h + column, factors, n, part)
        FOR_TILES(LEARN)
#undef LEARN
    }
}

/* Phase k learns batch k - 1, then makes the scores of batch k. */
static void NAME(word2vec_train)(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    const word2vec_job *j = args;
    const ptrdiff_t lo = part * j->slices / parts, hi = (part + 1) * j->slices / parts;
    if (phase > 0)
        NAME(word2vec_learn)(j, phase - 1, lo, hi);
    if (phase < j->batches)
        NAME(word2vec_score)(j, phase, lo, hi);
}

#undef TILE
#undef FOR_TILES
#undef EACH_GROUP
#undef OF_GROUP
#endif
