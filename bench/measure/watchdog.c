/* watchdog.c -- see watchdog.h. */
#define _GNU_SOURCE
#include "bench/measure/watchdog.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    bool            started, armed;
    double          timeout_s;
    struct timespec until;
    void (*late)(void *);
    void *arg;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *watch(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&dog.lock);
    for (;;) {
        struct timespec now;
        if (!dog.armed) {
            pthread_cond_wait(&dog.changed, &dog.lock);
            continue;
        }
        pthread_cond_timedwait(&dog.changed, &dog.lock, &dog.until);
        clock_gettime(CLOCK_MONOTONIC, &now);
        bool late = now.tv_sec > dog.until.tv_sec ||
                    (now.tv_sec == dog.until.tv_sec && now.tv_nsec >= dog.until.tv_nsec);
        if (!dog.armed || !late) continue;
        dog.armed = false;
        dog.late(dog.arg);
    }
    return NULL;
}

ir_status watchdog_start(double timeout_s)
{
    pthread_condattr_t monotonic;
    pthread_t          thread;
    if (dog.started) return IR_OK;
    dog.timeout_s = timeout_s;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&dog.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int bad = pthread_create(&thread, NULL, watch, NULL);
    if (bad) return ir_fail(IR_ENOMEM, "no thread to watch over --timeout: %s", strerror(bad));
    pthread_detach(thread);
    dog.started = true;
    return IR_OK;
}

void watchdog_arm(void (*late)(void *), void *arg)
{
    if (!dog.started) return;
    double whole, part = modf(dog.timeout_s, &whole);
    pthread_mutex_lock(&dog.lock);
    clock_gettime(CLOCK_MONOTONIC, &dog.until);
    dog.until.tv_sec += (time_t)whole;
    dog.until.tv_nsec += lround(1e9 * part);
    if (dog.until.tv_nsec >= 1000000000) dog.until.tv_sec++, dog.until.tv_nsec -= 1000000000;
    dog.late = late;
    dog.arg = arg;
    dog.armed = true;
    pthread_cond_signal(&dog.changed);
    pthread_mutex_unlock(&dog.lock);
}

void watchdog_disarm(void)
{
    if (!dog.started) return;
    pthread_mutex_lock(&dog.lock);
    dog.armed = false;
    pthread_mutex_unlock(&dog.lock);
}
