/* A library for the rows that load one. */
int bypass_answer(void);
int bypass_answer(void) { return 42; }
