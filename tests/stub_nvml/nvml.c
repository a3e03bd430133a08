/* A stand-in for libnvidia-ml.so.1, so that the real nvidia-ml-py runs where there is no GPU.
 *
 * Every value comes from a text file named by FTUI_STUB_NVML, read again at each call, so that a test can change the
 * weather in mid-run. Lines are KEY=VALUE; a key may be prefixed by a device, "1.memory_free=…". A value of the form
 * "!15" makes the call return that NVML error. Known keys: init, driver, cuda, count, handle ("!15": this card cannot be
 * had at all), name, uuid, minor, cores, sm_clock, memory_total, memory_free, utilisation, temperature, power,
 * capability (8.9), processes (PID:BYTES,…; BYTES -1 is "not available"), process_utilisation
 * (PID:PERCENT,…), mig (0|1), mig_count, mig_handle, profile (GPU slices:compute slices:MB), gpu_instance,
 * compute_instance, xid (of any card; a new value is an Xid error, with @N one of that GPU instance), init_ms (how long
 * the start takes), hang (while it is 1 no call comes back).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUCCESS 0
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define INSUFFICIENT_SIZE 7
#define TIMEOUT 10

typedef struct { int index; int slice; } Device;
#define CARDS 32
static Device devices[CARDS * 9];

static int read_value(const Device *device, const char *key, char *value, size_t size) {
    const char *path = getenv("FTUI_STUB_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[1024], full[128], sliced[128];
    int found = 0;
    if (!file) return 0;
    snprintf(full, sizeof full, "%d.%s", device ? device->index : 0, key);
    snprintf(sliced, sizeof sliced, "%d.%d.%s", device ? device->index : 0, device ? device->slice : -1, key);
    while (fgets(line, sizeof line, file)) {
        char *equals = strchr(line, '=');
        int rank;
        if (!equals) continue;
        *equals = 0;
        rank = !strcmp(line, key) ? 1 : !strcmp(line, full) ? 2 : !strcmp(line, sliced) ? 3 : 0;
        if (rank > found) {
            found = rank;
            snprintf(value, size, "%s", equals + 1);
            value[strcspn(value, "\n")] = 0;
        }
    }
    fclose(file);
    return found > 0;
}

static int lookup(const Device *device, const char *key, char *value, size_t size) {
    char hangs[16];
    while (read_value(NULL, "hang", hangs, sizeof hangs) && hangs[0] == '1') usleep(20000);
    return read_value(device, key, value, size);
}

/* 0 and the value, or the NVML error to return. */
static int fetch(const Device *device, const char *key, char *value, size_t size) {
    if (!lookup(device, key, value, size)) return NOT_SUPPORTED;
    return value[0] == '!' ? atoi(value + 1) : SUCCESS;
}

static int fetch_uint(const Device *device, const char *key, unsigned *out) {
    char value[1024];
    int error = fetch(device, key, value, sizeof value);
    if (!error) *out = (unsigned)strtoul(value, NULL, 10);
    return error;
}

static int fetch_text(const Device *device, const char *key, char *out, unsigned size) {
    char value[1024];
    int error = fetch(device, key, value, sizeof value);
    if (!error) snprintf(out, size, "%s", value);
    return error;
}

int nvmlInitWithFlags(unsigned flags) {
    char value[1024];
    (void)flags;
    if (read_value(NULL, "init_ms", value, sizeof value)) usleep(1000 * (useconds_t)strtoul(value, NULL, 10));
    return lookup(NULL, "init", value, sizeof value) && value[0] == '!' ? atoi(value + 1) : SUCCESS;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int error) {
    static char text[32];
    snprintf(text, sizeof text, "stub error %d", error);
    return text;
}

int nvmlSystemGetDriverVersion(char *out, unsigned size) { return fetch_text(NULL, "driver", out, size); }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { return fetch_uint(NULL, "cuda", (unsigned *)out); }
int nvmlDeviceGetCount_v2(unsigned *out) { return fetch_uint(NULL, "count", out); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **out) {
    char value[1024];
    if (index >= CARDS) return INVALID_ARGUMENT;
    devices[index].index = (int)index;
    devices[index].slice = -1;
    if (lookup(&devices[index], "handle", value, sizeof value) && value[0] == '!') return atoi(value + 1);
    *out = &devices[index];
    return SUCCESS;
}

int nvmlDeviceGetName(Device *d, char *out, unsigned size) { return fetch_text(d, "name", out, size); }
int nvmlDeviceGetUUID(Device *d, char *out, unsigned size) { return fetch_text(d, "uuid", out, size); }
int nvmlDeviceGetMinorNumber(Device *d, unsigned *out) { return fetch_uint(d, "minor", out); }
int nvmlDeviceGetNumGpuCores(Device *d, unsigned *out) { return fetch_uint(d, "cores", out); }
int nvmlDeviceGetMaxClockInfo(Device *d, int kind, unsigned *out) { (void)kind; return fetch_uint(d, "sm_clock", out); }
int nvmlDeviceGetTemperature(Device *d, int sensor, unsigned *out) { (void)sensor; return fetch_uint(d, "temperature", out); }
int nvmlDeviceGetPowerUsage(Device *d, unsigned *out) { return fetch_uint(d, "power", out); }

typedef struct { unsigned long long total, free, used; } Memory;
int nvmlDeviceGetMemoryInfo(Device *d, Memory *out) {
    char value[1024];
    int error = fetch(d, "memory_total", value, sizeof value);
    if (error) return error;
    out->total = strtoull(value, NULL, 10);
    if ((error = fetch(d, "memory_free", value, sizeof value))) return error;
    out->free = strtoull(value, NULL, 10);
    out->used = out->total - out->free;
    return SUCCESS;
}

typedef struct { unsigned gpu, memory; } Utilisation;
int nvmlDeviceGetUtilizationRates(Device *d, Utilisation *out) {
    out->memory = 0;
    return fetch_uint(d, "utilisation", &out->gpu);
}

int nvmlDeviceGetCudaComputeCapability(Device *d, int *major, int *minor) {
    char value[1024];
    int error = fetch(d, "capability", value, sizeof value);
    if (!error && sscanf(value, "%d.%d", major, minor) != 2) return INVALID_ARGUMENT;
    return error;
}

typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } Process;
int nvmlDeviceGetComputeRunningProcesses_v3(Device *d, unsigned *count, Process *out) {
    char value[1024];
    unsigned n = 0, room = *count;
    int error = fetch(d, "processes", value, sizeof value);
    if (error) return error;
    for (char *part = strtok(value, ","); part; part = strtok(NULL, ","), n++) {
        if (out && n < room) {
            char *colon = strchr(part, ':');
            out[n].pid = (unsigned)strtoul(part, NULL, 10);
            out[n].memory = colon ? (unsigned long long)strtoll(colon + 1, NULL, 10) : 0;
            out[n].gpu_instance = out[n].compute_instance = 0xffffffffu;
        }
    }
    *count = n;
    return n > room || (n && !out) ? INSUFFICIENT_SIZE : SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v2(Device *d, unsigned *count, Process *out) {
    return nvmlDeviceGetComputeRunningProcesses_v3(d, count, out);
}

typedef struct { unsigned pid; unsigned long long time; unsigned sm, memory, encoder, decoder; } ProcessUse;
int nvmlDeviceGetProcessUtilization(Device *d, ProcessUse *out, unsigned *count, unsigned long long since) {
    char value[1024];
    unsigned n = 0, room = *count;
    int error = fetch(d, "process_utilisation", value, sizeof value);
    if (error) return error;
    for (char *part = strtok(value, ","); part; part = strtok(NULL, ","), n++) {
        if (out && n < room) {
            char *colon = strchr(part, ':');
            memset(&out[n], 0, sizeof out[n]);
            out[n].pid = (unsigned)strtoul(part, NULL, 10);
            out[n].time = since + 1;
            out[n].sm = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
        }
    }
    *count = n;
    return !n ? NOT_FOUND : out ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetMigMode(Device *d, unsigned *current, unsigned *pending) {
    int error = fetch_uint(d, "mig", current);
    *pending = error ? 0 : *current;
    return error;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *d, unsigned *out) { return fetch_uint(d, "mig_count", out); }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *d, unsigned index, Device **out) {
    unsigned count;
    char value[1024];
    if (fetch_uint(d, "mig_count", &count) || index >= count) return NOT_FOUND;
    Device *slice = &devices[CARDS + d->index * 8 + (int)index % 8];
    slice->index = d->index;
    slice->slice = (int)index;
    if (lookup(slice, "mig_handle", value, sizeof value) && value[0] == '!') return atoi(value + 1);
    *out = slice;
    return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(Device *d, unsigned *out) { return fetch_uint(d, "gpu_instance", out); }
int nvmlDeviceGetComputeInstanceId(Device *d, unsigned *out) { return fetch_uint(d, "compute_instance", out); }

typedef struct { unsigned some[6], gpu_slices, compute_slices; unsigned long long memory_mb; } Attributes;
int nvmlDeviceGetAttributes_v2(Device *d, Attributes *out) {
    char value[1024];
    int error = fetch(d, "profile", value, sizeof value);
    if (error) return error;
    memset(out, 0, sizeof *out);
    return sscanf(value, "%u:%u:%llu", &out->gpu_slices, &out->compute_slices, &out->memory_mb) == 3
        ? SUCCESS : INVALID_ARGUMENT;
}

typedef struct { Device *device; unsigned long long type, data; unsigned gpu_instance, compute_instance; } Event;
static char last_xid[64];
static Device *watched;
int nvmlEventSetCreate(void **out) { *out = last_xid; return SUCCESS; }
int nvmlEventSetFree(void *set) { (void)set; return SUCCESS; }
int nvmlDeviceRegisterEvents(Device *d, unsigned long long types, void *set) {
    (void)set;
    if (d->slice >= 0) return NOT_SUPPORTED;
    watched = d;
    /* What lies there already happened before. */
    fetch_text(d, "xid", last_xid, sizeof last_xid);
    return types & 8 ? SUCCESS : NOT_SUPPORTED;
}
int nvmlEventSetWait_v2(void *set, Event *out, unsigned timeout_ms) {
    char value[64], *instance;
    (void)set; (void)timeout_ms;
    if (fetch_text(watched, "xid", value, sizeof value) || !strcmp(value, last_xid)) return TIMEOUT;
    snprintf(last_xid, sizeof last_xid, "%s", value);
    memset(out, 0, sizeof *out);
    instance = strchr(value, '@');
    out->device = watched;
    out->type = 8;
    out->data = strtoull(value, NULL, 10);
    out->gpu_instance = instance ? (unsigned)strtoul(instance + 1, NULL, 10) : 0xffffffffu;
    out->compute_instance = 0xffffffffu;
    return SUCCESS;
}
