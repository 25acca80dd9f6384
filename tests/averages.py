"""Text for specs: a moving average of the weights as a callback, one that cannot be resumed and one that can."""

AVERAGES = '''\
class Average(Callback):
    """A moving average of the weights, put in their place at the end of each epoch."""

    def __init__(self):
        self.shadow = {}

    def step_end(self, state):
        """A tenth of the new."""
        now = {name: value.clone() for name, value in state.model.state_dict().items() if value.is_floating_point()}
        self.shadow = {name: self.shadow[name].lerp(now[name], 0.1) for name in now} if self.shadow else now

    def epoch_end(self, state):
        """In their place."""
        state.model.load_state_dict(self.shadow, strict=False)


class Kept(Average):
    """The same, and it can be resumed."""

    def state_dict(self):
        """A dict of tensors."""
        return {"shadow": self.shadow}

    def load_state_dict(self, values):
        """Back again."""
        self.shadow = values["shadow"]
'''
