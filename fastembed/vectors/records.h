/* Words and their numbers in a part of a file: lines of text, or word2vec's binary records.
 *
 * The text ends with a newline, and eight bytes that are no numerals can be read behind it. Rows
 * are found and filled in pieces that may be worked on at the same time.
 */

#ifndef FASTEMBED_RECORDS_H
#define FASTEMBED_RECORDS_H

#include <stddef.h>

#include "numerals.h"

enum { PIECE = 1 << 17, LONGEST_WORD = 1 << 16 };

typedef struct {
    const char *text;
    ptrdiff_t length;
    ptrdiff_t D, most; /* numbers in a row; rows that there is room for */
    void *out;         /* (most, D) */
    int is_double;
    ptrdiff_t *begin, *end; /* (most,) of words, in bytes of the text */
    ptrdiff_t *rows; /* (pieces,) that begin in a piece */
    ptrdiff_t *bad;  /* (pieces,) the first row of a piece that is none, or most */
} records;

/* ---- text */

/* Count the lines that begin in some pieces. */
static void count_rows(const void *args, int64_t lo, int64_t hi, int64_t member)
{
    const records *r = (const records *)args;
    (void)member;
    for (int64_t k = lo; k < hi; k++) {
        const char *p = r->text + (k ? k * PIECE - 1 : 0);
        const ptrdiff_t stop = (k + 1) * PIECE < r->length ? (k + 1) * PIECE : r->length;
        const char *last = r->text + stop - 1; /* a newline there begins a line of the next piece */
        ptrdiff_t count = k == 0;
        while (p < last && (p = (const char *)memchr(p, '\n', (size_t)(last - p))) != NULL) {
            count++;
            p++;
        }
        r->rows[k] = count;
    }
}

static inline int is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* The numbers of a row and the end of its line; returns 0 if there are more, fewer or none. */
static inline int read_numbers(const records *r, const char *p, ptrdiff_t row)
{
    for (ptrdiff_t k = 0; k < r->D; k++) {
        if (!is_space(*p))
            return 0;
        while (is_space(*p))
            p++;
        p = r->is_double ? read_double(p, (double *)r->out + row * r->D + k)
                         : read_float(p, (float *)r->out + row * r->D + k);
        if (p == NULL)
            return 0;
    }
    while (is_space(*p))
        p++;
    p += *p == '\r';
    return *p == '\n';
}

/* The numbers of two rows, by turns: where a numeral ends is known late, and one waits for it. */
static inline int read_two(const records *r, const char *p, const char *q, ptrdiff_t row)
{
    for (ptrdiff_t k = 0; k < r->D; k++) {
        if (*p != ' ' || *q != ' ')
            return 0;
        if (r->is_double) {
            p = read_double(p + 1, (double *)r->out + row * r->D + k);
            q = read_double(q + 1, (double *)r->out + (row + 1) * r->D + k);
        } else {
            p = read_float(p + 1, (float *)r->out + row * r->D + k);
            q = read_float(q + 1, (float *)r->out + (row + 1) * r->D + k);
        }
        if (p == NULL || q == NULL)
            return 0;
    }
    p += *p == ' ';
    q += *q == ' ';
    return *p == '\n' && *q == '\n';
}

/* Where a word with spaces in it ends: before the last D fields, and not with a number. */
static const char *end_of_phrase(const records *r, const char *word, const char *line_end)
{
    const char *p = line_end;
    while (p > word && (is_space(p[-1]) || p[-1] == '\r'))
        p--;
    for (ptrdiff_t k = 0; k < r->D; k++) {
        while (p > word && !is_space(p[-1]))
            p--;
        while (p > word && is_space(p[-1]))
            p--;
    }
    const char *last = p;
    while (last > word && !is_space(last[-1]))
        last--;
    decimal number;
    return p == word || read_decimal(last, &number) == p ? NULL : p;
}

static inline const char *end_of_word(const char *p)
{
    while (!is_space(*p) && *p != '\n')
        p++;
    return p;
}

/* Two rows as nearly all are; returns 0 if one is not, which need not be an error. */
static int read_plain(const records *r, const char *word, const char *next, ptrdiff_t row)
{
    const char *p = end_of_word(word), *q = end_of_word(next);
    if (p == word || q == next || !read_two(r, p, q, row))
        return 0;
    r->begin[row] = word - r->text, r->end[row] = p - r->text;
    r->begin[row + 1] = next - r->text, r->end[row + 1] = q - r->text;
    return 1;
}

static int read_row(const records *r, const char *word, const char *line_end, ptrdiff_t row)
{
    const char *p = end_of_word(word);
    if (p == word)
        return 0;
    if (!read_numbers(r, p, row)) {
        p = end_of_phrase(r, word, line_end);
        if (p == NULL || !read_numbers(r, p, row))
            return 0;
    }
    r->begin[row] = word - r->text;
    r->end[row] = p - r->text;
    return 1;
}

static inline const char *end_of_line(const records *r, const char *p)
{
    return (const char *)memchr(p, '\n', (size_t)(r->text + r->length - p));
}

/* Read the lines that begin in some pieces; r->rows has been filled for all. */
static void read_rows(const void *args, int64_t lo, int64_t hi, int64_t member)
{
    const records *r = (const records *)args;
    (void)member;
    ptrdiff_t row = 0;
    for (int64_t k = 0; k < lo; k++)
        row += r->rows[k];
    for (int64_t k = lo; k < hi; row += r->rows[k++]) {
        const char *p = r->text + (k ? k * PIECE - 1 : 0);
        if (k && r->rows[k])
            p = end_of_line(r, p) + 1;
        r->bad[k] = r->most;
        const ptrdiff_t stop = row + r->rows[k] < r->most ? row + r->rows[k] : r->most;
        for (ptrdiff_t j = row; j < stop; j++) {
            const char *end = end_of_line(r, p);
            if (j + 1 < stop && read_plain(r, p, end + 1, j)) {
                p = end_of_line(r, end + 1) + 1;
                j++;
                continue;
            }
            if (!read_row(r, p, end, j)) {
                r->bad[k] = j;
                break;
            }
            p = end + 1;
        }
    }
}

/* ---- binary: a word, a space, D floats, and perhaps a newline */

/* Find whole records; returns how many. Sets used to where they end, bad to 1 if there
 * is no word. */
static ptrdiff_t find_records(const records *r, ptrdiff_t *used, int *bad)
{
    ptrdiff_t at = 0, row = 0;
    *bad = 0;
    while (row < r->most) {
        ptrdiff_t begin = at;
        while (begin < r->length && r->text[begin] == '\n')
            begin++;
        ptrdiff_t left = r->length - begin;
        const ptrdiff_t word = left < LONGEST_WORD ? left : LONGEST_WORD;
        const char *space = word > 0 ? (const char *)memchr(r->text + begin, ' ', (size_t)word) : NULL;
        if (space == NULL || space == r->text + begin) {
            *bad = space != NULL || word == LONGEST_WORD;
            break;
        }
        left = r->text + r->length - space - 1;
        if (left / 4 < r->D)
            break;
        r->begin[row] = begin;
        r->end[row] = space - r->text;
        at = r->end[row] + 1 + 4 * r->D;
        row++;
    }
    *used = at;
    return row;
}

/* Copy the floats of records that were found. */
static void copy_records(const void *args, int64_t lo, int64_t hi, int64_t member)
{
    const records *r = (const records *)args;
    (void)member;
    for (int64_t k = lo; k < hi; k++)
        memcpy((float *)r->out + k * r->D, r->text + r->end[k] + 1, 4 * (size_t)r->D);
}

#endif
