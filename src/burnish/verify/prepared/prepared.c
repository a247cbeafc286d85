/* A compiler that is loaded and relocated once and forks per job.

   Preloaded into rustc or clippy-driver, which run alone in a sandbox. It takes over __libc_start_main, connects to the
   socket at /prepared/socket and waits for jobs there. A job is one message: four numbers (arguments, files, files to
   collect; seconds of CPU time) and the names, ended by NUL each; with it come descriptors: where stderr goes, then the
   content of each file, then where each collected file goes. A forked child writes the files to /box and returns into
   the program's own main; when it has ended, everything else that lives here is killed, what is wanted is copied out,
   and /box is emptied. Whatever is odd ends this process, and with it the sandbox. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_BYTES 65536
#define MOST_WORDS 512
#define MOST_DESCRIPTORS 128
#define DEEPEST 8
#define MOST_VARIABLES 32

typedef int (*main_t)(int, char **, char **);
typedef int (*start_t)(main_t, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

struct reply {
    int32_t status;
    uint32_t reserved;
    uint64_t cpu_us;
};

static char message[MOST_BYTES + 1];
static char *words[MOST_WORDS];
static char *vector[MOST_WORDS + MOST_VARIABLES + 2]; /* as the kernel lays it out: arguments, NULL, variables, NULL */
static int descriptors[MOST_DESCRIPTORS];
static uint32_t counts[4];

static void leave(void) {
    kill(-1, SIGKILL);
    _exit(3);
}

static int copy(int from, int to) {
    struct stat about;
    if (fstat(from, &about) != 0 || !S_ISREG(about.st_mode)) return -1;
    off_t offset = 0;
    while (offset < about.st_size)
        if (sendfile(to, from, &offset, about.st_size - offset) <= 0) return -1;
    return 0;
}

static int empty_folder(int folder, int depth) {
    DIR *listing = depth < DEEPEST ? fdopendir(folder) : NULL;
    if (listing == NULL) return -1;
    struct dirent *entry;
    int bad = 0;
    while ((entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(folder, entry->d_name, 0) == 0) continue;
        int inner = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        bad |= inner < 0 || empty_folder(inner, depth + 1) != 0;
        bad |= unlinkat(folder, entry->d_name, AT_REMOVEDIR) != 0;
    }
    closedir(listing);
    return bad ? -1 : 0;
}

/* Number of descriptors that came with the message; ends the process at the end of the connection. */
static int receive(int connection) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof descriptors)];
    } control;
    struct iovec part = {message, MOST_BYTES};
    struct msghdr about = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(connection, &about, MSG_CMSG_CLOEXEC);
    struct cmsghdr *given = CMSG_FIRSTHDR(&about);
    if (size < (ssize_t)sizeof counts || (about.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || given == NULL) leave();
    int many = (given->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(descriptors, CMSG_DATA(given), many * sizeof(int));
    memcpy(counts, message, sizeof counts);
    message[size] = 0;
    uint64_t wanted = (uint64_t)counts[0] + counts[1] + counts[2], found = 0;
    for (char *at = message + sizeof counts; at < message + size && found < MOST_WORDS; at += strlen(at) + 1)
        words[found++] = at;
    if (found != wanted || (uint64_t)many != 1 + (uint64_t)counts[1] + counts[2]) leave();
    return many;
}

static void become_job(int connection) {
    close(connection);
    struct rlimit cpu = {counts[3], counts[3]};
    if (setrlimit(RLIMIT_CPU, &cpu) != 0) _exit(125);
    prctl(PR_SET_DUMPABLE, 1);
    int nothing = open("/dev/null", O_RDWR);
    if (nothing < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 || dup2(descriptors[0], 2) < 0) _exit(125);
    if (nothing > 2) close(nothing);
    for (uint32_t i = 0; i < counts[1]; i++) {
        int file = open(words[counts[0] + i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file < 0 || copy(descriptors[1 + i], file) != 0) _exit(125);
        close(file);
    }
    for (uint32_t i = 0; i < 1 + counts[1] + counts[2]; i++) close(descriptors[i]);
    memcpy(vector, words, counts[0] * sizeof *vector);
    for (int i = 0; i < MOST_VARIABLES && environ[i] != NULL; i++) vector[counts[0] + 1 + i] = environ[i];
}

static void finish_job(int connection, int many, pid_t child) {
    int watched = syscall(SYS_pidfd_open, child, 0);
    struct pollfd waiting[2] = {{.fd = watched, .events = POLLIN}, {.fd = connection, .events = POLLIN}};
    if (watched < 0 || poll(waiting, 2, -1) < 1 || waiting[1].revents) leave();
    struct rusage used;
    struct reply reply = {0};
    if (wait4(child, &reply.status, 0, &used) != child) leave();
    kill(-1, SIGKILL);
    while (wait4(-1, NULL, 0, NULL) > 0) continue;
    reply.cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000ull + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    for (uint32_t i = 0; i < counts[2]; i++) {
        int file = open(words[counts[0] + counts[1] + i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (file >= 0 && copy(file, descriptors[1 + counts[1] + i]) != 0) leave();
        if (file >= 0) close(file);
    }
    close(watched);
    for (int i = 0; i < many; i++) close(descriptors[i]);
    int work = open("/box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work < 0 || empty_folder(work, 0) != 0) leave();
    if (send(connection, &reply, sizeof reply, MSG_NOSIGNAL) != sizeof reply) leave();
}

int __libc_start_main(main_t main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end) {
    start_t start = (start_t)dlsym(RTLD_NEXT, "__libc_start_main");
    unsetenv("LD_PRELOAD");
    unsetenv("LD_BIND_NOW");
    prctl(PR_SET_DUMPABLE, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/prepared/socket"};
    int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0) _exit(4);
    for (;;) {
        int many = receive(connection);
        pid_t child = fork();
        if (child < 0) leave();
        if (child == 0) {
            become_job(connection);
            return start(main, counts[0], vector, init, fini, loader_fini, stack_end);
        }
        finish_job(connection, many, child);
    }
}
