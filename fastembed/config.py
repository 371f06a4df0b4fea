"""The book's switch between CPU and GPU. fastembed computes on the CPU; leave it False."""

GPU = False
