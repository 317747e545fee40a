/* io_uring without a library: one ring, requests one after the other. */
#ifndef URING_H
#define URING_H

#include "bypass.h"
#include <linux/io_uring.h>

struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *sq_flags, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned pending;
};

USED struct ring ring_new(unsigned flags)
{
	struct io_uring_params parameters = {.flags = flags, .sq_thread_idle = 200};
	struct ring ring = {0};
	ring.fd = (int)syscall(SYS_io_uring_setup, 16, &parameters);
	if (ring.fd < 0)
		not_here("io_uring_setup");
	size_t sq = parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned);
	size_t cq = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
	char *base = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
			  IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, parameters.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	if (base == MAP_FAILED || ring.sqes == MAP_FAILED || !(parameters.features & IORING_FEAT_SINGLE_MMAP))
		not_here("map the ring");
	ring.sq_tail = (unsigned *)(base + parameters.sq_off.tail);
	ring.sq_mask = (unsigned *)(base + parameters.sq_off.ring_mask);
	ring.sq_flags = (unsigned *)(base + parameters.sq_off.flags);
	ring.sq_array = (unsigned *)(base + parameters.sq_off.array);
	ring.cq_head = (unsigned *)(base + parameters.cq_off.head);
	ring.cq_tail = (unsigned *)(base + parameters.cq_off.tail);
	ring.cq_mask = (unsigned *)(base + parameters.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(base + parameters.cq_off.cqes);
	return ring;
}

USED struct io_uring_sqe *ring_next(struct ring *ring, unsigned char opcode, int fd)
{
	unsigned tail = *ring->sq_tail + ring->pending++, slot = tail & *ring->sq_mask;
	struct io_uring_sqe *sqe = &ring->sqes[slot];
	memset(sqe, 0, sizeof *sqe);
	sqe->opcode = opcode;
	sqe->fd = fd;
	ring->sq_array[slot] = slot;
	return sqe;
}

USED void ring_submit(struct ring *ring, unsigned wait)
{
	unsigned count = ring->pending;
	ring->pending = 0;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + count, __ATOMIC_RELEASE);
	unsigned flags = wait ? IORING_ENTER_GETEVENTS : 0;
	if (__atomic_load_n(ring->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	must(syscall(SYS_io_uring_enter, ring->fd, count, wait, flags, NULL, 0), "io_uring_enter");
}

/* The next result; waits for it. */
USED int ring_result(struct ring *ring)
{
	unsigned head = *ring->cq_head;
	while (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		must(syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), "wait");
	int result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

USED int ring_ok(struct ring *ring, const char *what)
{
	int result = ring_result(ring);
	if (result < 0) {
		errno = -result;
		if (errno == EINVAL || errno == EOPNOTSUPP)
			not_here(what);
		fail(what);
	}
	return result;
}

USED int ring_once(struct ring *ring, const char *what)
{
	ring_submit(ring, 1);
	return ring_ok(ring, what);
}

USED void ring_open(struct ring *ring, const char *path)
{
	struct io_uring_sqe *sqe = ring_next(ring, IORING_OP_OPENAT, AT_FDCWD);
	sqe->addr = (uint64_t)path;
	sqe->open_flags = O_RDONLY;
}

/* Reads a direct descriptor. */
USED void ring_read_direct(struct ring *ring, int slot)
{
	static char bytes[64];
	struct io_uring_sqe *sqe = ring_next(ring, IORING_OP_READ, slot);
	sqe->addr = (uint64_t)bytes;
	sqe->len = sizeof bytes;
	sqe->flags = IOSQE_FIXED_FILE;
	check_model(bytes, ring_once(ring, "read a direct descriptor"));
}

/* A table of empty places for direct descriptors. */
USED void ring_table(struct ring *ring, unsigned places)
{
	int none[16];
	for (unsigned at = 0; at < 16; at++)
		none[at] = -1;
	must(syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_FILES, none, places), "register a table");
}

#endif
