/* The one pool of threads.
 *
 * A caller offers its work to workers that are free, works on it too, and takes back what no worker
 * has begun: it waits only for what is being worked on, never for a thread that sleeps. No worker
 * takes the GIL, and no lock is held while work is done, so any number of callers may come at once,
 * also from signal handlers and finalisers: who finds no worker free does its own work.
 */

#ifndef FASTEMBED_POOL_H
#define FASTEMBED_POOL_H

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace fastembed {

/* Run units lo to hi; no two members of a job have the same number at the same time. */
using slice_function = void (*)(const void *args, int64_t lo, int64_t hi, int64_t member);
/* Run one of the parts of a phase; it begins when every part of the phase before has ended. */
using phase_function = void (*)(const void *args, int64_t phase, int64_t part, int64_t parts);
/* Whether the calling thread must leave its work: a signal handler has raised an exception. */
using interrupt_function = int (*)();

constexpr int MOST = 64; /* members of a job, the caller among them */

/* Nanoseconds; measured by `python -m benchmarks --only pool`, see docs/performance.md. */
constexpr int64_t SPIN = 50'000;         /* how long an idle worker stays awake */
constexpr double WORTH_AWAKE = 1.5e3;    /* the least work of a member when workers are awake */
constexpr double WORTH_ASLEEP = 1.5e4;   /* and when they have to be woken */
constexpr double LONGEST_SLICE = 2e7;    /* between two looks for signals */
constexpr int64_t LOOK = 100'000'000;    /* time between two looks for signals */
constexpr int64_t PATIENCE = 100'000;    /* spent spinning before the CPU is left to others */
constexpr int64_t LOST = 500'000;        /* waiting that shows that a member has lost its CPU */
constexpr int64_t FIRST_REST = 10'000'000, LAST_REST = 640'000'000;

inline int64_t now()
{
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

inline void relax()
{
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ __volatile__("yield");
#else
    std::this_thread::yield();
#endif
}

/* Wait while word has this value: spin first, then sleep; returns the nanoseconds it took. */
inline int64_t wait_while(std::atomic<uint32_t> &word, uint32_t value, int64_t patience)
{
    for (int spins = 0; spins < 64; spins++) {
        if (word.load(std::memory_order_acquire) != value)
            return 0;
        relax();
    }
    const int64_t start = now();
    while (word.load(std::memory_order_acquire) == value) {
        if (now() - start > patience)
            word.wait(value, std::memory_order_acquire);
        for (int spins = 0; spins < 16; spins++)
            relax();
    }
    return now() - start;
}

/* What members work on together; lives on its caller's stack. */
struct Job {
    void (*work)(Job &, int member);
    std::atomic<bool> left{false}; /* the caller must go: begin nothing new */
    std::atomic<int64_t> waited{0};
};

enum State : uint32_t { FREE, HELD, OFFERED, RUNNING };

/* FREE -> HELD by a caller -> OFFERED -> RUNNING -> HELD by the worker -> FREE by the caller. */
struct alignas(64) Worker {
    std::atomic<uint32_t> state{FREE};
    std::atomic<bool> asleep{false};
    Job *job = nullptr;
    int member = 0;
    int kept_off = -1; /* the CPU on which it must not run */
#if defined(__linux__)
    std::atomic<pid_t> id{0};
#endif

    void serve()
    {
        for (;;) {
            int64_t start = now();
            uint32_t seen;
            while ((seen = state.load(std::memory_order_acquire)) != OFFERED) {
                if (now() - start > SPIN) {
                    asleep.store(true, std::memory_order_relaxed);
                    state.wait(seen, std::memory_order_acquire);
                    asleep.store(false, std::memory_order_relaxed);
                    start = now();
                } else {
                    for (int spins = 0; spins < 16; spins++)
                        relax();
                }
            }
            if (!state.compare_exchange_strong(seen, RUNNING, std::memory_order_acquire))
                continue;
            job->work(*job, member);
            state.store(HELD, std::memory_order_release);
            state.notify_one();
        }
    }
};

struct Pool {
    Worker workers[MOST - 1];
    std::atomic<int> started{0};
    std::atomic_flag starting = ATOMIC_FLAG_INIT;
    std::atomic<int> threads{1};       /* members that a job may have */
    std::atomic<int64_t> alone{0};     /* until then, jobs have one member */
    std::atomic<int64_t> asked{0};     /* when a job last came that sleepers would miss */
    std::atomic<int64_t> rest{FIRST_REST};
};

inline Pool pool; /* one in a process: only fastembed.runtime.pool includes this header */

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/* Linux likes to wake a thread on the CPU of the one that wakes it, and may leave both there for
 * milliseconds: a worker may run where its caller may, but not where the caller is. */
inline void keep_off(Worker &worker, int workers)
{
    const int cpu = sched_getcpu();
    const pid_t id = worker.id.load(std::memory_order_acquire);
    if (cpu < 0 || id == 0 || worker.kept_off == cpu)
        return;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    if (CPU_COUNT(&allowed) > workers)
        CPU_CLR(cpu, &allowed);
    sched_setaffinity(id, sizeof allowed, &allowed); /* CPUs can be taken away meanwhile */
    worker.kept_off = cpu;
}
#else
inline void keep_off(Worker &, int) {}
#endif

/* Start workers up to this number; fewer if the system has no more threads, or another thread is
 * just doing the same. */
inline void start(int wanted)
{
    if (pool.started.load(std::memory_order_acquire) >= wanted)
        return;
    if (pool.starting.test_and_set(std::memory_order_acquire))
        return;
    for (int k = pool.started.load(); k < wanted; k++) {
        try {
            std::thread([k] {
#if defined(__linux__)
                pool.workers[k].id.store(
                    static_cast<pid_t>(syscall(SYS_gettid)), std::memory_order_release);
#endif
                pool.workers[k].serve();
            }).detach();
        } catch (const std::exception &) { /* no thread, or no memory for one */
            break;
        }
        pool.started.store(k + 1, std::memory_order_release);
    }
    pool.starting.clear(std::memory_order_release);
}

/* In the child of a fork: the workers are gone, whatever they were doing. */
inline void forked()
{
    for (Worker &worker : pool.workers)
        new (&worker) Worker;
    pool.started.store(0);
    pool.starting.clear();
}

inline void prepare()
{
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, forked);
#endif
}

/* How many members work of so many nanoseconds should have, the caller among them. */
inline int members_for(double ns)
{
    if (ns < 2 * WORTH_AWAKE)
        return 1;
    const int threads = pool.threads.load(std::memory_order_relaxed);
    if (threads == 1)
        return 1;
    const int64_t time = now();
    if (time < pool.alone.load(std::memory_order_relaxed))
        return 1;
    const bool asleep = pool.started.load(std::memory_order_relaxed) == 0 ||
                        pool.workers[0].asleep.load(std::memory_order_relaxed);
    /* where short jobs follow each other, who is woken by one is awake for the next */
    if (asleep && ns < 2 * WORTH_ASLEEP && time - pool.asked.exchange(time) > SPIN)
        return 1;
    const double most = ns / (asleep && ns >= 2 * WORTH_ASLEEP ? WORTH_ASLEEP : WORTH_AWAKE);
    return most < threads ? static_cast<int>(most) : threads;
}

/* A member that loses its CPU makes the others wait for a time slice of the system, milliseconds:
 * where that happens, jobs have one member for a while, longer each time. */
inline void judge(int64_t waited, int64_t took)
{
    const int64_t rest = pool.rest.load(std::memory_order_relaxed);
    if (waited > LOST && waited > took / 2) {
        pool.alone.store(now() + rest, std::memory_order_relaxed);
        pool.rest.store(rest < LAST_REST ? 2 * rest : rest, std::memory_order_relaxed);
    } else if (rest > FIRST_REST) {
        pool.rest.store(rest / 2, std::memory_order_relaxed);
    }
}

/* Do job.work as member 0, and on free workers as members 1 to members - 1. */
inline void together(Job &job, int members)
{
    Worker *mine[MOST];
    int count = 0;
    const int64_t start_time = now();
    start(members - 1);
    const int threads = pool.threads.load(std::memory_order_relaxed);
    const int started = pool.started.load(std::memory_order_acquire);
    const int usable = started < threads ? started : threads - 1; /* of all callers together */
    for (int k = 0; k < usable && count < members - 1; k++) {
        Worker &worker = pool.workers[k];
        uint32_t free = FREE;
        if (!worker.state.compare_exchange_strong(free, HELD, std::memory_order_acquire))
            continue;
        keep_off(worker, members - 1);
        worker.job = &job;
        worker.member = ++count;
        mine[count - 1] = &worker;
        worker.state.store(OFFERED, std::memory_order_release);
        worker.state.notify_one();
    }
    job.work(job, 0);
    int64_t waited = 0;
    for (int k = 0; k < count; k++) {
        uint32_t offered = OFFERED;
        if (!mine[k]->state.compare_exchange_strong(offered, HELD, std::memory_order_acquire))
            waited += wait_while(mine[k]->state, RUNNING, PATIENCE);
        mine[k]->state.store(FREE, std::memory_order_release);
    }
    waited += job.waited.load(std::memory_order_relaxed);
    judge(waited, now() - start_time);
}

/* ---- slices that are independent of each other */

struct Slices : Job {
    slice_function run;
    const void *args;
    int64_t n, chunk;
    std::atomic<int64_t> next{0};
    interrupt_function interrupted;
    int64_t looked;
};

inline void work_on_slices(Job &job, int member)
{
    Slices &j = static_cast<Slices &>(job);
    while (!j.left.load(std::memory_order_relaxed)) {
        const int64_t lo = j.next.fetch_add(j.chunk, std::memory_order_relaxed);
        if (lo >= j.n)
            return;
        j.run(j.args, lo, lo + j.chunk < j.n ? lo + j.chunk : j.n, member);
        if (member == 0 && now() - j.looked > LOOK) {
            j.looked = now();
            if (j.interrupted())
                j.left.store(true);
        }
    }
}

/* Run(lo, hi) on slices that together are range(n) and begin at multiples of grain; ns is what one
 * thread would need for all. Returns -1 if the caller had to go before the end. */
inline int share(
    slice_function run, const void *args, int64_t n, int64_t grain, double ns, int members,
    interrupt_function interrupted)
{
    if (members == 1 && ns < LONGEST_SLICE) {
        if (n > 0)
            run(args, 0, n, 0);
        return 0;
    }
    /* several slices a member: one that comes late takes fewer */
    double slice = ns / (4 * members);
    slice = slice > LONGEST_SLICE ? LONGEST_SLICE : slice < WORTH_AWAKE / 2 ? WORTH_AWAKE / 2 : slice;
    int64_t pieces = static_cast<int64_t>(ns / slice);
    pieces = pieces < members ? members : pieces;
    const int64_t units = (n + grain - 1) / grain;
    Slices j;
    j.work = work_on_slices;
    j.run = run, j.args = args, j.n = n, j.interrupted = interrupted, j.looked = now();
    j.chunk = (units + pieces - 1) / pieces * grain;
    if (members == 1 || j.chunk >= n)
        work_on_slices(j, 0);
    else
        together(j, members);
    return j.left.load() ? -1 : 0;
}

/* ---- phases that follow each other */

struct Phases : Job {
    phase_function run;
    const void *args;
    int64_t phases, parts;
    /* done counts parts of all phases; each part has the number of phases that were begun */
    alignas(64) std::atomic<uint32_t> done{0};
    struct alignas(64) { std::atomic<int64_t> begun{0}; } part[MOST];
    interrupt_function interrupted;
    int64_t looked;
};

/* Each member has its own part of every phase, whose data stay in its cache, and takes those that
 * nobody else has begun. */
inline void work_on_phases(Job &job, int member)
{
    Phases &j = static_cast<Phases &>(job);
    int64_t waited = 0;
    for (int64_t p = j.done.load(std::memory_order_acquire) / j.parts; p < j.phases; p++) {
        const uint32_t all = static_cast<uint32_t>((p + 1) * j.parts);
        for (int64_t k = 0; k < j.parts; k++) {
            const int64_t part = (member + k) % j.parts;
            int64_t before = p;
            if (j.part[part].begun.load(std::memory_order_relaxed) != p ||
                !j.part[part].begun.compare_exchange_strong(before, p + 1))
                continue;
            j.run(j.args, p, part, j.parts);
            if (j.done.fetch_add(1, std::memory_order_acq_rel) + 1 == all)
                j.done.notify_all();
        }
        for (uint32_t seen; (seen = j.done.load(std::memory_order_acquire)) < all;)
            waited += wait_while(j.done, seen, PATIENCE);
        if (member == 0 && (p & 7) == 7 && now() - j.looked > LOOK) {
            j.looked = now();
            if (j.interrupted())
                j.left.store(true);
        }
        if (j.left.load(std::memory_order_relaxed))
            break;
    }
    j.waited.fetch_add(waited, std::memory_order_relaxed);
}

/* Run every part of every phase, phases in order. Returns -1 if the caller had to go before. */
inline int run_phases(
    phase_function run, const void *args, int64_t phases, int64_t parts,
    interrupt_function interrupted)
{
    int64_t looked = 0;
    if (parts == 1) { /* without the atomics: steps can be very short */
        for (int64_t p = 0; p < phases; p++) {
            run(args, p, 0, 1);
            if ((p & 7) != 7)
                continue;
            const int64_t time = now();
            looked = looked ? looked : time;
            if (time - looked > LOOK) {
                looked = time;
                if (interrupted())
                    return -1;
            }
        }
        return 0;
    }
    Phases j;
    j.work = work_on_phases;
    j.run = run, j.args = args, j.phases = phases, j.parts = parts;
    j.interrupted = interrupted, j.looked = now();
    together(j, static_cast<int>(parts));
    return j.left.load() ? -1 : 0;
}

} /* namespace fastembed */

#endif
