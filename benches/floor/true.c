/* true: the shortest program, so that what is left to measure is the init. */
int main(void)
{
	return 0;
}
