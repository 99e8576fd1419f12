/* The seven-class network as a Cimba program, a yardstick in C: cimba_seven workers|processes MESSAGES SEED

It does the same work as naive_seven.py: the same stations, exponential work, constant session times between servers, 1 % invalid
addresses whose bounce enters the on-premises queue again and goes back to the sender, and one row recorded for each message and each
bounce. `workers`: a process for each worker, which takes messages out of its station's queue; sessions are events. `processes`: a process
for each message, which acquires a worker of a pool. Prints a line of JSON: messages, rows, seconds of the processor, bytes of memory at
most, the mean wait at each station [s], the mean delay of each flow [s].
*/
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cimba.h>

#define RATE_PER_S 105.6
#define WORKERS_AT_MOST 8

enum { OUTBOUND, ONPREM, SMART_HOST, INBOUND, STATIONS };
enum { UNKNOWN = 6, NOTICE = 7, FLOWS };

static const struct { int workers; double work_s; const char *name; } STATION[STATIONS] = {
    {4, 0.020, "outbound"}, {8, 0.060, "onprem"}, {4, 0.020, "smart-host"}, {4, 0.020, "inbound"}};
/* Stations in order and the time before each of them [s]; a notice's session comes after its work. */
static const struct { const char *name; double share; int hops; int station[4]; double before_s[4]; } FLOW[FLOWS] = {
    {"internet->onprem", .20, 1, {ONPREM}, {.15}},
    {"internet->hosted", .20, 3, {ONPREM, SMART_HOST, INBOUND}, {.15, 0, .2}},
    {"onprem->onprem", .15, 1, {ONPREM}, {0}},
    {"onprem->hosted", .15, 3, {ONPREM, SMART_HOST, INBOUND}, {0, 0, .2}},
    {"hosted->onprem", .15, 2, {OUTBOUND, ONPREM}, {0, .2}},
    {"hosted->hosted", .14, 4, {OUTBOUND, ONPREM, SMART_HOST, INBOUND}, {0, .2, 0, .2}},
    {"internet->unknown", .01, 1, {ONPREM}, {.15}},
    {"dsn->internet", 0, 1, {ONPREM}, {0}}};
static const double NOTICE_SESSION_S = .15;

struct row { long number; int flow; double born_s; double delay_s; };
struct message {
    struct cmb_process process; /* where each message is one */
    struct message *next;       /* among those that are no more */
    long number;
    int flow, hop;
    double born_s, queued_s;
};
struct station {
    struct cmb_objectqueue *queue;
    struct cmb_resourcepool *pool;
    struct cmb_process *worker[WORKERS_AT_MOST];
    double waited_s;
    long visits;
};

static struct station stations[STATIONS];
static struct row *rows;
static long row_count, row_room, messages;
static struct message *unused;
static bool one_process_each;

static void *message_process(struct cmb_process *me, void *context);

static struct message *new_message(long number, int flow)
{
    struct message *m = unused;
    if (m != NULL) {
        unused = m->next;
    } else {
        m = calloc(1, sizeof *m);
        if (one_process_each)
            cmb_process_initialize(&m->process, "message", message_process, NULL, 0);
    }
    m->number = number;
    m->flow = flow;
    m->hop = 0;
    m->born_s = cmb_time();
    return m;
}

static void record(const struct message *m)
{
    if (row_count == row_room) {
        row_room = row_room ? 2 * row_room : 1 << 16;
        rows = realloc(rows, (size_t)row_room * sizeof *rows);
    }
    rows[row_count++] = (struct row){m->number, m->flow, m->born_s, cmb_time() - m->born_s};
}

static void no_more(struct message *m)
{
    m->next = unused;
    unused = m;
}

static void note_wait(struct station *st, double queued_s)
{
    st->waited_s += cmb_time() - queued_s;
    st->visits++;
}

/* --- a process for each worker --- */

static void arrive(void *subject, void *object)
{
    struct message *m = subject;
    (void)object;
    m->queued_s = cmb_time();
    cmb_objectqueue_put(stations[FLOW[m->flow].station[m->hop]].queue, m);
}

static void go_to_station(struct message *m)
{
    const double before_s = FLOW[m->flow].before_s[m->hop];
    if (before_s > 0)
        cmb_event_schedule(arrive, m, NULL, cmb_time() + before_s, 0);
    else
        arrive(m, NULL);
}

static void notice_arrived(void *subject, void *object)
{
    (void)object;
    record(subject);
    no_more(subject);
}

static void after_work(struct message *m)
{
    if (++m->hop < FLOW[m->flow].hops) {
        go_to_station(m);
    } else if (m->flow == NOTICE) {
        cmb_event_schedule(notice_arrived, m, NULL, cmb_time() + NOTICE_SESSION_S, 0);
    } else {
        record(m);
        if (m->flow == UNKNOWN)
            go_to_station(new_message(m->number, NOTICE));
        no_more(m);
    }
}

static void *worker_process(struct cmb_process *me, void *context)
{
    struct station *st = context;
    const double work_s = STATION[st - stations].work_s;
    (void)me;
    for (;;) {
        void *object = NULL;
        cmb_objectqueue_get(st->queue, &object);
        struct message *m = object;
        note_wait(st, m->queued_s);
        cmb_process_hold(cmb_random_exponential(work_s));
        after_work(m);
    }
    return NULL;
}

/* --- a process for each message --- */

static void visit(int number)
{
    struct station *st = &stations[number];
    const double queued_s = cmb_time();
    cmb_resourcepool_acquire(st->pool, 1);
    note_wait(st, queued_s);
    cmb_process_hold(cmb_random_exponential(STATION[number].work_s));
    cmb_resourcepool_release(st->pool, 1);
}

static void *message_process(struct cmb_process *me, void *context)
{
    struct message *m = (struct message *)me;
    (void)context;
    for (int hop = 0; hop < FLOW[m->flow].hops; hop++) {
        if (FLOW[m->flow].before_s[hop] > 0)
            cmb_process_hold(FLOW[m->flow].before_s[hop]);
        visit(FLOW[m->flow].station[hop]);
    }
    if (m->flow == NOTICE)
        cmb_process_hold(NOTICE_SESSION_S);
    record(m);
    if (m->flow == UNKNOWN)
        cmb_process_start(&new_message(m->number, NOTICE)->process);
    no_more(m);
    return NULL;
}

/* --- a run --- */

static void *sender_process(struct cmb_process *me, void *context)
{
    const struct cmb_random_alias *flows = context;
    (void)me;
    for (long number = 0; number < messages; number++) {
        cmb_process_hold(cmb_random_exponential(1 / RATE_PER_S));
        struct message *m = new_message(number, (int)cmb_random_alias_sample(flows));
        if (one_process_each)
            cmb_process_start(&m->process);
        else
            go_to_station(m);
    }
    return NULL;
}

static void begin_stations(void)
{
    for (int s = 0; s < STATIONS; s++) {
        struct station *st = &stations[s];
        if (one_process_each) {
            st->pool = cmb_resourcepool_create();
            cmb_resourcepool_initialize(st->pool, STATION[s].name, (uint64_t)STATION[s].workers);
            continue;
        }
        st->queue = cmb_objectqueue_create();
        cmb_objectqueue_initialize(st->queue, STATION[s].name, CMB_UNLIMITED);
        for (int k = 0; k < STATION[s].workers; k++) {
            st->worker[k] = cmb_process_create();
            cmb_process_initialize(st->worker[k], STATION[s].name, worker_process, st, 0);
            cmb_process_start(st->worker[k]);
        }
    }
}

static void run(uint64_t seed)
{
    double share[UNKNOWN + 1];
    for (int flow = 0; flow <= UNKNOWN; flow++)
        share[flow] = FLOW[flow].share;
    cmb_random_initialize(seed);
    cmb_event_queue_initialize(0.0);
    begin_stations();
    struct cmb_process *sender = cmb_process_create();
    cmb_process_initialize(sender, "sender", sender_process, cmb_random_alias_create(UNKNOWN + 1, share), 0);
    cmb_process_start(sender);
    cmb_event_queue_execute();
}

static void print_found(double seconds)
{
    struct rusage used;
    double delay_s[FLOWS] = {0};
    long count[FLOWS] = {0};
    getrusage(RUSAGE_SELF, &used);
    for (long r = 0; r < row_count; r++) {
        delay_s[rows[r].flow] += rows[r].delay_s;
        count[rows[r].flow]++;
    }
    printf("[%ld, %ld, %.6f, %ld, {", messages, row_count, seconds, used.ru_maxrss * 1024L);
    for (int s = 0; s < STATIONS; s++)
        printf("%s\"%s\": %.9f", s ? ", " : "", STATION[s].name, stations[s].waited_s / (double)stations[s].visits);
    printf("}, {");
    for (int flow = 0; flow < FLOWS; flow++)
        printf("%s\"%s\": %.9f", flow ? ", " : "", FLOW[flow].name, delay_s[flow] / (double)count[flow]);
    printf("}]\n");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "cimba_seven workers|processes MESSAGES SEED\n");
        return 2;
    }
    one_process_each = strcmp(argv[1], "processes") == 0;
    messages = atol(argv[2]);
    const clock_t begin = clock();
    run(strtoull(argv[3], NULL, 10));
    print_found((double)(clock() - begin) / CLOCKS_PER_SEC);
    return 0;
}
