/* Preloaded into a process (LD_PRELOAD), this counts its system calls on the files below one folder and lets one of
 * them go wrong. tests/src/io_faults.rs builds it and says what each fault is.
 *
 * IO_FAULTS_FOLDER  the folder: absolute, without symbolic links
 * IO_FAULTS_ONLY    of its files, those whose names begin so; all, if it is not set
 * IO_FAULTS         FAULT AT SEED: which fault, at which of the calls that it may befall, and its random choices
 * IO_FAULTS_REPORT  gets a line for the call that went wrong; with the fault `count` one for each call
 * IO_FAULTS_WHILE   no call goes wrong, or is counted, unless this file is there
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum class { OPEN = 1, CREATE = 2, READ = 4, WRITE = 8, SYNC = 16, TRUNCATE = 32, NAME = 64, ALL = 127 };
static const char *const CLASS_NAMES[] = { "open", "create", "read", "write", "sync", "truncate", "name" };

enum fault { NONE, COUNT, EIO_ONCE, EIO_ON, NO_SPACE, SHORT, TORN, DIE, DIE_AFTER, POWER, SYNC_LOST, FULL };
static const struct { const char *name; enum fault fault; int befalls; } FAULTS[] = {
    { "count", COUNT, ALL }, { "eio", EIO_ONCE, ALL }, { "eio-on", EIO_ON, ALL },
    { "no-space", NO_SPACE, CREATE | WRITE | TRUNCATE | NAME }, { "short", SHORT, WRITE }, { "torn", TORN, WRITE },
    { "die", DIE, ALL }, { "die-after", DIE_AFTER, ALL }, { "power", POWER, ALL }, { "sync-lost", SYNC_LOST, SYNC },
    { "full", FULL, CREATE | WRITE | NAME },
};

#define DIED 99
#define SECTOR 512
#define FDS 4096
#define FILES 256
#define NAMES 64

/* What a write or a cut overwrote and no sync has made durable yet, the newest first. */
struct undo {
    struct undo *before;
    off_t at, old_size;
    size_t length;
    char old[];
};

static struct file { dev_t dev; ino_t ino; char name[96]; int is_folder; struct undo *undo; } files[FILES];
static short file_of[FDS]; /* 0: not below the folder; else the place in `files` plus one */
static char names[NAMES][4096]; /* made since the folder was last synced */
static int name_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum fault fault;
static int befalls, report = -1;
static long at, counted;
static uint64_t seed;
static const char *folder, *only, *while_there;
static int said, is_turn;

__attribute__((constructor)) static void begin(void) {
    char kind[32] = "";
    const char *plan = getenv("IO_FAULTS"), *to = getenv("IO_FAULTS_REPORT");
    folder = getenv("IO_FAULTS_FOLDER");
    only = getenv("IO_FAULTS_ONLY");
    while_there = getenv("IO_FAULTS_WHILE");
    if (!plan || !folder || sscanf(plan, "%31s %ld %lu", kind, &at, &seed) != 3) return;
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
        if (!strcmp(kind, FAULTS[i].name)) fault = FAULTS[i].fault, befalls = FAULTS[i].befalls;
    if (to) report = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static const char *base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int is_below(const char *path) {
    size_t length = folder && fault ? strlen(folder) : 0;
    int is_below = length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
    return is_below && (!only || !strncmp(base(path), only, strlen(only)));
}

static void tell(enum class class, const char *name) {
    char line[256];
    if (fault != COUNT && said++) return; /* the first of a row of faults says enough */
    int length = snprintf(line, sizeof line, "%s %s\n", CLASS_NAMES[__builtin_ctz(class)], base(name));
    syscall(SYS_write, report, line, length);
}

static struct file *of_fd(int fd) { return fd >= 0 && fd < FDS && file_of[fd] ? &files[file_of[fd] - 1] : NULL; }

static void forget(struct file *file) {
    for (struct undo *entry = file->undo, *next; entry; entry = next) next = entry->before, free(entry);
    file->undo = NULL;
}

static void track(int fd, const char *path) {
    struct stat found;
    int empty = -1;
    if (fd < 0 || fd >= FDS || fstat(fd, &found)) return;
    for (int i = 0; i < FILES; i++) {
        if (files[i].ino == found.st_ino && files[i].dev == found.st_dev && files[i].name[0]) {
            file_of[fd] = i + 1;
            return;
        }
        if (!files[i].name[0] && empty < 0) empty = i;
    }
    if (empty < 0) return;
    files[empty] = (struct file) { .dev = found.st_dev, .ino = found.st_ino, .is_folder = S_ISDIR(found.st_mode) };
    snprintf(files[empty].name, sizeof files[empty].name, "%s", base(path));
    file_of[fd] = empty + 1;
}

/* Before a write or a cut: what will be lost with it. */
static void keep(struct file *file, int fd, off_t where, size_t length) {
    struct stat now;
    if ((fault != POWER && fault != SYNC_LOST) || file->is_folder || fstat(fd, &now)) return;
    struct undo *entry = malloc(sizeof *entry + length);
    if (!entry) abort();
    ssize_t got = syscall(SYS_pread64, fd, entry->old, length, where);
    entry->at = where, entry->old_size = now.st_size, entry->length = got > 0 ? got : 0;
    entry->before = file->undo, file->undo = entry;
}

/* What a disk may have of a file after the power went: all that was synced, and of the rest all, nothing, or some
 * sectors; the index in shared memory is made anew anyway. */
static void lose(struct file *file, int fd, int some) {
    for (struct undo *entry = file->undo; entry; entry = entry->before) {
        struct stat now;
        if (fstat(fd, &now)) return;
        off_t end = entry->at + (off_t) entry->length;
        for (off_t sector = entry->at; sector < end; sector += SECTOR - sector % SECTOR) {
            off_t next = sector + SECTOR - sector % SECTOR;
            size_t length = (next < end ? next : end) - sector;
            if (!some || draw() & 1) syscall(SYS_pwrite64, fd, entry->old + (sector - entry->at), length, sector);
        }
        if (now.st_size > entry->old_size && !some) syscall(SYS_ftruncate, fd, entry->old_size);
    }
    forget(file);
}

static void cut_power(void) {
    for (int i = 0; i < FILES; i++) {
        int how = draw() % 3;
        for (int fd = 0; fd < FDS && files[i].undo && how; fd++) {
            if (file_of[fd] != i + 1 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) continue;
            lose(&files[i], fd, how == 2);
        }
    }
    for (int i = 0; i < name_count; i++)
        if (draw() & 1) syscall(SYS_unlinkat, AT_FDCWD, names[i], 0);
}

static void die(void) { syscall(SYS_exit_group, DIED); }

/* Counts a call; whether it is to fail, with errno set. What kills the process kills it here. */
static int fails(enum class class, const char *name) {
    is_turn = 0;
    if (fault == COUNT) tell(class, name);
    if (fault <= COUNT || fault == FULL || !(befalls & class)) return 0;
    if (while_there && syscall(SYS_faccessat, AT_FDCWD, while_there, F_OK)) return 0;
    is_turn = ++counted == at;
    int is_on = counted > at && (fault == EIO_ON || fault == NO_SPACE || fault == SHORT);
    if (!is_turn && !is_on) return 0;
    if (is_turn && (fault == DIE_AFTER || fault == TORN || fault == SYNC_LOST || fault == SHORT)) return 0;
    tell(class, name);
    if (fault == POWER) cut_power();
    if (fault == POWER || fault == DIE) die();
    errno = fault == NO_SPACE || fault == SHORT ? ENOSPC : EIO;
    return 1;
}

static void done(enum class class, const char *name) {
    if (fault != DIE_AFTER || !is_turn) return;
    tell(class, name);
    die();
}

static int open_it(int at_fd, const char *path, int flags, mode_t mode) {
    int is_ours = path && is_below(path);
    if (!is_ours) return syscall(SYS_openat, at_fd, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
    enum class class = is_new ? CREATE : OPEN;
    int fd = fails(class, path) ? -1 : (int) syscall(SYS_openat, at_fd, path, flags, mode);
    int error = errno;
    if (fd >= 0) {
        track(fd, path);
        if (is_new && name_count < NAMES) snprintf(names[name_count++], sizeof *names, "%s", path);
        done(class, path);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags) ({ mode_t m = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list l; va_start(l, flags); \
    m = va_arg(l, mode_t); va_end(l); } m; })
int open(const char *path, int flags, ...) { return open_it(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return open_it(AT_FDCWD, path, flags, MODE(flags)); }
int openat(int fd, const char *path, int flags, ...) { return open_it(fd, path, flags, MODE(flags)); }
int openat64(int fd, const char *path, int flags, ...) { return open_it(fd, path, flags, MODE(flags)); }

int close(int fd) {
    pthread_mutex_lock(&lock);
    struct file *file = of_fd(fd);
    if (file && file->undo && fault == POWER) { /* to be lost through another descriptor: what is closed is not synced */
        int kept = fcntl(fd, F_DUPFD_CLOEXEC, FDS / 2);
        if (kept >= 0 && kept < FDS) file_of[kept] = file_of[fd];
    }
    if (file) file_of[fd] = 0;
    int closed = syscall(SYS_close, fd), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return closed;
}

static ssize_t read_it(int fd, void *to, size_t length, off_t where, int is_placed) {
    struct file *file = of_fd(fd);
    ssize_t got = -1;
    if (file) pthread_mutex_lock(&lock);
    if (!file || !fails(READ, file->name))
        got = is_placed ? syscall(SYS_pread64, fd, to, length, where) : syscall(SYS_read, fd, to, length);
    int error = errno;
    if (file) done(READ, file->name), pthread_mutex_unlock(&lock);
    errno = error;
    return got;
}

/* With a full disk, `at` is the number of bytes by which all files together may still grow. */
static ssize_t room(int fd, off_t where, size_t length, struct file *file) {
    struct stat now;
    char line[64];
    if ((fault != FULL && fault != COUNT) || fstat(fd, &now)) return length;
    off_t growth = where + (off_t) length - now.st_size;
    if (growth <= 0) return length;
    if (fault == COUNT) {
        syscall(SYS_write, report, line, snprintf(line, sizeof line, "grow %ld\n", (long) growth));
        return length;
    }
    if (while_there && syscall(SYS_faccessat, AT_FDCWD, while_there, F_OK)) return length;
    if (growth > at) {
        tell(WRITE, file->name);
        length = (off_t) length > growth - at ? length - (growth - at) : 0;
        growth = at;
    }
    at -= growth;
    return length;
}

static ssize_t write_it(int fd, const void *from, size_t length, off_t where, int is_placed) {
    struct file *file = of_fd(fd);
    if (!file) return is_placed ? syscall(SYS_pwrite64, fd, from, length, where) : syscall(SYS_write, fd, from, length);
    pthread_mutex_lock(&lock);
    if (!is_placed) where = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t put = -1;
    if (!fails(WRITE, file->name)) {
        int is_half = (fault == SHORT || fault == TORN) && is_turn;
        if (is_half) length = length / 2 ? length / 2 : 1;
        /* A disk writes whole sectors; only where a file grows, room may end within one. */
        off_t whole = (where + (off_t) length) / SECTOR * SECTOR;
        struct stat now;
        int grows = !fstat(fd, &now) && where + (off_t) length > now.st_size;
        if (is_half && !(fault == SHORT && grows)) length = whole > where ? whole - where : 0;
        length = room(fd, where, length, file);
        keep(file, fd, where, length);
        put = is_placed ? syscall(SYS_pwrite64, fd, from, length, where) : syscall(SYS_write, fd, from, length);
        if (!length) put = -1, errno = ENOSPC;
        if (is_half) tell(WRITE, file->name);
        if (is_half && fault == TORN) die();
    }
    int error = errno;
    done(WRITE, file->name);
    pthread_mutex_unlock(&lock);
    errno = error;
    return put;
}

ssize_t read(int fd, void *to, size_t length) { return read_it(fd, to, length, 0, 0); }
ssize_t pread(int fd, void *to, size_t length, off_t where) { return read_it(fd, to, length, where, 1); }
ssize_t pread64(int fd, void *to, size_t length, off64_t where) { return read_it(fd, to, length, where, 1); }
ssize_t write(int fd, const void *from, size_t length) { return write_it(fd, from, length, 0, 0); }
ssize_t pwrite(int fd, const void *from, size_t length, off_t where) { return write_it(fd, from, length, where, 1); }
ssize_t pwrite64(int fd, const void *from, size_t length, off64_t where) { return write_it(fd, from, length, where, 1); }

static int sync_it(int fd, int number) {
    struct file *file = of_fd(fd);
    if (!file) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    int synced = -1;
    if (!fails(SYNC, file->name)) {
        if (fault == SYNC_LOST && is_turn) {
            tell(SYNC, file->name);
            lose(file, fd, draw() & 1);
            errno = EIO;
        } else {
            synced = syscall(number, fd);
            forget(file);
            if (file->is_folder) name_count = 0;
        }
    }
    int error = errno;
    done(SYNC, file->name);
    pthread_mutex_unlock(&lock);
    errno = error;
    return synced;
}

int fsync(int fd) { return sync_it(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_it(fd, SYS_fdatasync); }

int ftruncate(int fd, off_t size) {
    struct file *file = of_fd(fd);
    struct stat now;
    if (!file) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int cut = -1;
    if (!fails(TRUNCATE, file->name)) {
        if (!fstat(fd, &now)) {
            keep(file, fd, size, now.st_size > size ? now.st_size - size : 0);
            if (fault == FULL && now.st_size > size) at += now.st_size - size;
        }
        cut = syscall(SYS_ftruncate, fd, size);
    }
    int error = errno;
    done(TRUNCATE, file->name);
    pthread_mutex_unlock(&lock);
    errno = error;
    return cut;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* A removed file has nothing to lose. */
static void removed(const char *path) {
    struct stat found;
    for (int i = 0; i < FILES && !lstat(path, &found) && found.st_nlink == 1; i++)
        if (files[i].ino == found.st_ino && files[i].dev == found.st_dev) forget(&files[i]), files[i].ino = 0;
}

#define NAMED(path, made, ...) ({ int r = -1, ours = is_below(path), e; if (ours) pthread_mutex_lock(&lock); \
    if (!ours || !fails(NAME, path)) { r = syscall(__VA_ARGS__); \
        if (ours && made && !r && name_count < NAMES) snprintf(names[name_count++], sizeof *names, "%s", path); } \
    e = errno; if (ours) done(NAME, path), pthread_mutex_unlock(&lock); errno = e; r; })

int unlink(const char *path) {
    if (is_below(path)) removed(path);
    return NAMED(path, 0, SYS_unlinkat, AT_FDCWD, path, 0);
}
int rename(const char *from, const char *to) { return NAMED(to, 0, SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0); }
int link(const char *from, const char *to) { return NAMED(to, 1, SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int old, const char *from, int new, const char *to, int flags) {
    return NAMED(to, 1, SYS_linkat, old, from, new, to, flags);
}
int mkdir(const char *path, mode_t mode) { return NAMED(path, 0, SYS_mkdirat, AT_FDCWD, path, mode); }
