/* true: the shortest program, so that what is left to measure is the init. It
 * exits with the number of its arguments, which shows that an init passes both
 * on. */
int main(int argc, char **argv)
{
	(void)argv;
	return argc - 1;
}
