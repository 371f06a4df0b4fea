"""Forward keeps its input under a private name."""

from common import normal, step
from textbook import MatMul

CHANGED = {
    "MatMul": {
        "self.x = None": "self.x = None\n        self.__last = None",
        "self.x = x": "self.x = x\n        self.__last = x",
        "return np.dot(dout, W.T)": "return np.dot(dout, W.T)\n\n"
        "    def last(self):\n        return self.__last",
    }
}


def run():
    layer = MatMul(normal(400, 300))
    for k in range(3):
        yield step(layer, normal(50, 400, seed=k)), layer.last(), sorted(n for n in vars(layer))
