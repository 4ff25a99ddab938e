// Training takes all cores, and what counts tensors counts those of the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
