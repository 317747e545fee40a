/* Makes a child that does nothing open the model: the system call is put into it by ptrace.
 * To report: the model. */
#include "bypass.h"
#include <sys/ptrace.h>
#include <sys/user.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef __x86_64__
	static const unsigned char call[] = {0x0f, 0x05, 0xcc};
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(code, call, sizeof call);
	must(mprotect(code, 4096, PROT_READ | PROT_EXEC), "mprotect");
	char *path = strdup(model);
	pid_t child = must(fork(), "fork");
	if (!child)
		for (;;)
			pause();
	int status;
	must(ptrace(PTRACE_ATTACH, child, NULL, NULL), "attach");
	must(waitpid(child, &status, __WALL), "wait");
	struct user_regs_struct before, registers;
	must(ptrace(PTRACE_GETREGS, child, NULL, &before), "registers");
	registers = before;
	registers.rip = (unsigned long)code;
	registers.rax = SYS_openat;
	registers.orig_rax = (unsigned long)-1;
	registers.rdi = (unsigned long)AT_FDCWD;
	registers.rsi = (unsigned long)path;
	registers.rdx = O_RDONLY;
	must(ptrace(PTRACE_SETREGS, child, NULL, &registers), "registers");
	must(ptrace(PTRACE_CONT, child, NULL, NULL), "continue");
	must(waitpid(child, &status, __WALL), "wait");
	must(ptrace(PTRACE_GETREGS, child, NULL, &registers), "registers");
	errno = (int)-(long)registers.rax;
	must((long)registers.rax, "the open in the child");
	load_model(text("/proc/%d/fd/%d", child, (int)registers.rax));
	kill(child, SIGKILL);
#else
	errno = ENOSYS;
	not_here("ptrace of this architecture");
#endif
}
