/* A static program without a C library opens and reads the model by raw system calls.
 * To report: the model. */
	.globl _start
_start:
#ifdef __x86_64__
	mov	16(%rsp), %rsi		/* argv[1] */
	mov	$257, %eax		/* openat */
	mov	$-100, %rdi		/* AT_FDCWD */
	xor	%edx, %edx
	xor	%r10d, %r10d
	syscall
	test	%rax, %rax
	js	failed
	mov	%rax, %rdi
	sub	$64, %rsp
	xor	%eax, %eax		/* read */
	mov	%rsp, %rsi
	mov	$64, %edx
	syscall
	cmp	$64, %rax
	jne	failed
	cmpb	$'{', 8(%rsp)		/* where the header of safetensors begins */
	jne	failed
	xor	%edi, %edi
	jmp	leave
failed:	mov	$1, %edi
leave:	mov	$60, %eax		/* exit */
	syscall
#else
#error "this row is for x86-64"
#endif
	.section .note.GNU-stack,"",@progbits
