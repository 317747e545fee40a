/* Opens the model inside a chroot, by a path that means something else outside.
 * To report: the model by its real path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(mkdir(text("%s/etc", folder), 0755), "mkdir");
	must(link(model, text("%s/etc/hostname", folder)), "link");
	must(chroot(folder), "chroot");
	must(chdir("/"), "chdir");
	load_model("/etc/hostname");
}
