/* Callers that share work, run phases and change the number of threads at once: for a thread
 * sanitizer, which sees no CPython and no NumPy here. */
#include "pool.h"

#include <cstdio>
#include <vector>

using namespace fastembed;

static int never() { return 0; }

static void add(const void *args, int64_t lo, int64_t hi, int64_t)
{
    int64_t *units = *static_cast<int64_t *const *>(args);
    for (int64_t k = lo; k < hi; k++)
        units[k]++;
}

static void follow(const void *args, int64_t phase, int64_t part, int64_t parts)
{
    int64_t *units = *static_cast<int64_t *const *>(args);
    int64_t next = (part + phase) % parts; /* written by another member in the phase before */
    if (units[next] == phase)
        units[next]++;
}

int main()
{
    std::atomic<int64_t> wrong{0};
    std::vector<std::thread> callers;
    pool.threads = 4;
    for (int caller = 0; caller < 4; caller++)
        callers.emplace_back([&wrong, caller] {
            for (int round = 0; round < 3000; round++) {
                std::vector<int64_t> units(257), steps(3);
                int64_t *place = units.data();
                share(add, &place, 257, 16, 1e6, 1 + round % 4, never);
                for (int64_t unit : units)
                    wrong += unit != 1;
                place = steps.data();
                run_phases(follow, &place, 40, 3, never);
                for (int64_t step : steps)
                    wrong += step != 40;
                if (caller == 0)
                    pool.threads = 1 + round % 5, pool.alone = 0;
            }
        });
    for (std::thread &caller : callers)
        caller.join();
    std::printf("%ld wrong\n", static_cast<long>(wrong));
    return wrong != 0;
}
