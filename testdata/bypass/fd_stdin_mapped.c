/* Maps the model from its standard input, which was opened by whoever started the observation.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	map_model(0);
}
