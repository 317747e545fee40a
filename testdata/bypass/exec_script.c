/* Runs a script whose interpreter is a program of ours; the script's text is nowhere opened by a call of the program.
 * To report: the interpreter, and that the script was asked for. */
#include "bypass.h"

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--interpret"))
		return 0;
	ARGUMENTS;
	char *interpreter = text("%s/interpreter", folder), *script = text("%s/script", folder);
	copy_file("/proc/self/exe", interpreter, 0755);
	int out = must(open(script, O_WRONLY | O_CREAT, 0755), script);
	dprintf(out, "#!%s --interpret\n", interpreter);
	close(out);
	pid_t child = must(fork(), "fork");
	if (!child) {
		execl(script, script, NULL);
		fail("exec");
	}
	wait_for(child);
}
