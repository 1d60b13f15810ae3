"""Three patients for the clinic of notebook 2: what turns noise into a guess of the sprite, with one mistake in each.

Learners who read on here see the answers.
"""

MISTAKES = {"A": "missing root", "B": "level off by one step", "C": "wrong range"}


def patients(sched) -> dict:
    """name -> f(xt, noise, t, s), a guess of x0 (N, C, H, W) in a step from level t down to level s; each is wrong."""

    def guess(xt, noise, signal, spread):
        return (xt - spread * noise) / signal.sqrt()

    def missing_root(xt, noise, t, s):
        a = sched.alpha_bar[t]
        return guess(xt, noise, a, 1 - a).clamp(-1, 1)

    def off_by_one_step(xt, noise, t, s):
        a = sched.alpha_bar[s]
        return guess(xt, noise, a, (1 - a).sqrt()).clamp(-1, 1)

    def wrong_range(xt, noise, t, s):
        a = sched.alpha_bar[t]
        return guess(xt, noise, a, (1 - a).sqrt()).clamp(0, 1)

    return dict(zip(MISTAKES, (missing_root, off_by_one_step, wrong_range), strict=True))
