/* The first process of a sandbox: starts the program, waits for it, and says how it ended as the kernel tells it.

   init REPORT COUNT [NAME DESCRIPTOR]... PROGRAM ARGUMENTS. Below it, signals act on the program as they do everywhere,
   which they do not on the first process of a namespace. When the program has ended, COUNT files are copied out, and two numbers go to the descriptor REPORT: 0 and the wait status, or 1 and the errno
   when the program could not be started. Nothing inside can reach this process: it has no handler for any signal, is
   not dumpable, and its descriptors are closed in the program. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

int main(int argc, char **argv) {
    if (argc < 4) return 125;
    int to = atoi(argv[1]), wanted = atoi(argv[2]);
    char **files = argv + 3, **command = files + 2 * wanted;
    if (wanted < 0 || argc < 4 + 2 * wanted) return 125;
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || fcntl(to, F_SETFD, FD_CLOEXEC) != 0) return 125;
    for (int i = 0; i < wanted; i++)
        if (fcntl(atoi(files[2 * i + 1]), F_SETFD, FD_CLOEXEC) != 0) return 125;
    pid_t program = fork();
    if (program < 0) return 125;
    if (program == 0) {
        setpgid(0, 0); /* as a shell starts a job: it can be stopped, and signals to its group are its own */
        execv(command[0], command);
        report(to, 1, errno);
        _exit(127);
    }
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, 0)) != program)
        if (ended < 0 && errno != EINTR) return 125;
    struct stat about;
    if (fstat(to, &about) != 0) return 125;
    if (about.st_size == 0) {
        for (int i = 0; i < wanted; i++) copy_out(files[2 * i], atoi(files[2 * i + 1]));
        report(to, 0, status);
    }
    return 0; /* the kernel ends whatever is left of the namespace before this process is gone */
}
