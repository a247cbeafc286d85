/* The first process of a sandbox: starts the program, waits for it, and says how it ended as the kernel tells it.

   init REPORT PROCESSES COUNT [NAME DESCRIPTOR]... PROGRAM ARGUMENTS. Below it, signals act on the program as they do
   everywhere, which they do not on the first process of a namespace. When the program has ended, COUNT files are copied
   out, and two numbers go to the descriptor REPORT: 0 and the wait status, or 1 and the errno when the program could not
   be started. Nothing inside can reach this process: it has no handler for any signal, is not dumpable, and its
   descriptors are closed in the program.

   Of more than PROCESSES processes at a time (0: any number) each further fork fails with EAGAIN, while threads are
   counted by the limit of tasks alone: the kernel asks here before each fork (seccomp_unotify(2), Linux 5.5). Where it
   cannot, RLIMIT_NPROC stands in, which counts threads too. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef SMALL_LIBC
#include "small_libc.h"
int fstat(int descriptor, struct stat *about) { return CALL(SYS_fstat, descriptor, about, 0, 0, 0, 0); }
int poll(struct pollfd *waiting, nfds_t many, int limit) { return CALL(SYS_poll, waiting, many, limit, 0, 0, 0); }
int setrlimit(__rlimit_resource_t kind, const struct rlimit *limit) { return CALL(SYS_setrlimit, kind, limit, 0, 0, 0, 0); }
int signalfd(int old, const sigset_t *set, int flags) { return CALL(SYS_signalfd4, old, set, 8, flags, 0, 0); }
int socketpair(int family, int kind, int protocol, int pair[2]) { return CALL(SYS_socketpair, family, kind, protocol, pair, 0, 0); }
ssize_t sendfile(int to, int from, off_t *at, size_t size) { return CALL(SYS_sendfile, to, from, at, size, 0, 0); }
ssize_t sendmsg(int to, const struct msghdr *message, int flags) { return CALL(SYS_sendmsg, to, message, flags, 0, 0, 0); }
ssize_t recvmsg(int from, struct msghdr *message, int flags) { return CALL(SYS_recvmsg, from, message, flags, 0, 0, 0); }
#endif

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif
#define ASK BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void report(int to, int32_t kind, int32_t value) {
    int32_t said[2] = {kind, value};
    if (write(to, said, sizeof said) != sizeof said) _exit(125);
}

static void copy_out(const char *name, int to) {
    struct stat about;
    int from = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0 || fstat(from, &about) != 0 || !S_ISREG(about.st_mode)) return;
    off_t offset = 0;
    while (offset < about.st_size)
        if (sendfile(to, from, &offset, about.st_size - offset) <= 0) _exit(125);
}

/* From here on, the kernel asks the owner of the returned descriptor before this process or a child of it forks. */
static int ask_before_forks(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        ALLOW, /* killed by the sandbox's own filter */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_fork
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fork, 0, 1),
        ASK,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_vfork, 0, 1),
        ASK,
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        ALLOW, /* clone3 among them, which the sandbox's filter answers ENOSYS */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        ALLOW,
        ASK,
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void send_descriptor(int to, int descriptor) {
    char byte = 0;
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } room = {{0}};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (sendmsg(to, &message, 0) != 1) _exit(125);
}

/* The descriptor that the child sends; -1 when it ends without. */
static int received_descriptor(int from) {
    char byte;
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } room;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    int descriptor = -1;
    if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
        memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return descriptor;
}

/* Processes of the namespace beside this one. A thread's number opens no pidfd. */
static int living(void) {
    pid_t newest = fork();
    if (newest == 0) _exit(0);
    if (newest < 0) return 1 << 30;
    waitpid(newest, NULL, 0);
    int many = 0;
    for (pid_t one = 2; one < newest; one++) {
        int descriptor = syscall(SYS_pidfd_open, one, 0);
        if (descriptor >= 0) many++, close(descriptor);
    }
    return many;
}

static void answer(int listener, int processes, int *left) {
    struct seccomp_notif asked;
    memset(&asked, 0, sizeof asked);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
    if (*left <= 0) *left = processes - living();
    struct seccomp_notif_resp said = {.id = asked.id};
    if (*left > 0) {
        said.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        --*left;
    } else {
        said.error = -EAGAIN;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
}

/* Reaps whatever ends until the program does; its wait status. */
static int status_of(pid_t program, int listener, int processes) {
    sigset_t children;
    sigemptyset(&children), sigaddset(&children, SIGCHLD);
    struct pollfd waiting[2] = {{signalfd(-1, &children, SFD_CLOEXEC), POLLIN, 0}, {listener, POLLIN, 0}};
    int left = processes - 1, status;
    for (;;) {
        pid_t ended;
        while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
            if (ended == program) return status;
        if (ended < 0 && errno != EINTR) _exit(125);
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) _exit(125);
        if (waiting[0].revents & POLLIN) {
            struct signalfd_siginfo about;
            if (read(waiting[0].fd, &about, sizeof about) < 0) _exit(125);
        }
        if (waiting[1].revents & POLLIN) answer(listener, processes, &left);
        else if (waiting[1].revents) waiting[1].fd = -1; /* nobody is left to ask */
    }
}

static _Noreturn void become(char **command, int to, int processes, int socket) {
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0); /* as a shell starts a job: it can be stopped, and signals to its group are its own */
    if (processes) {
        int listener = ask_before_forks();
        struct rlimit limit = {processes, processes};
        if (listener >= 0) send_descriptor(socket, listener);
        else if (setrlimit(RLIMIT_NPROC, &limit) != 0) _exit(125);
        close(listener), close(socket);
    }
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(command[0], command);
    report(to, 1, errno);
    _exit(127);
}

int main(int argc, char **argv) {
    if (argc < 5) return 125;
    /* Whoever started this may ignore signals (nohup, a job behind "&"), and programs would inherit that. */
    for (int number = 1; number <= SIGRTMAX; number++) signal(number, SIG_DFL);
    int to = atoi(argv[1]), processes = atoi(argv[2]), wanted = atoi(argv[3]), pair[2] = {-1, -1}, listener = -1;
    char **files = argv + 4, **command = files + 2 * wanted;
    if (wanted < 0 || argc < 5 + 2 * wanted) return 125;
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || fcntl(to, F_SETFD, FD_CLOEXEC) != 0) return 125;
    for (int i = 0; i < wanted; i++)
        if (fcntl(atoi(files[2 * i + 1]), F_SETFD, FD_CLOEXEC) != 0) return 125;
    if (processes && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return 125;
    sigset_t children;
    sigemptyset(&children), sigaddset(&children, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &children, NULL) != 0) return 125;
    pid_t program = fork();
    if (program < 0) return 125;
    if (program == 0) close(pair[0]), become(command, to, processes, pair[1]);
    if (processes) close(pair[1]), listener = received_descriptor(pair[0]), close(pair[0]);
    int status = status_of(program, listener, processes);
    struct stat about;
    if (fstat(to, &about) != 0) return 125;
    if (about.st_size == 0) {
        for (int i = 0; i < wanted; i++) copy_out(files[2 * i], atoi(files[2 * i + 1]));
        report(to, 0, status);
    }
    return 0; /* the kernel ends whatever is left of the namespace before this process is gone */
}
