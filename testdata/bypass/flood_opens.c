/* Opens three thousand harmless files before and after the model.
 * To report: the model, or that opens were lost. */
#include "bypass.h"

static void flood(const char *folder, const char *part)
{
	char path[512];
	must(mkdir(text("%s/%s", folder, part), 0755), part);
	for (int number = 0; number < 3000; number++) {
		snprintf(path, sizeof path, "%s/%s/%06d", folder, part, number);
		close(must(open(path, O_RDWR | O_CREAT, 0644), path));
	}
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	flood(folder, "before");
	load_model(model);
	flood(folder, "after");
}
