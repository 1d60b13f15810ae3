"""What the notebooks import. Arrows run one way: notebooks and tools -> lesson -> world -> storage -> the core.

the core   schedule (how much noise), unet (the network), training (its steps), sampler (noise to sprites),
           guidance (asking for what is drawn), solver (fewer calls), flow (the same road, by another ruler), targets
           (what else a network can be asked), expect (checks of arguments), interrupt (the stop button held back)
storage    files (all or nothing), weights (a network in a file), resume (a run in a file)
world      sprites (all that there are), recipe (how they are drawn), own (a learner's), ideal (exact answers), judge
lesson     pictures, scrubber, charts and checks of each lesson, and what else a notebook shows
"""
