import base64
import io

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression


def main():
    x = np.linspace(0, 10, 50).reshape(-1, 1)
    y = 3 * x[:, 0] + 2
    model = LinearRegression().fit(x, y)
    figure, axes = plt.subplots()
    axes.scatter(x, y, label="measured")
    axes.plot(x, model.predict(x), color="red", label="fit")
    axes.set_title("A line")
    axes.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png")
    plt.close(figure)
    text = base64.b64encode(image.getvalue())
    return {"slope": round(float(model.coef_[0]), 6), "is_png": image.getvalue()[1:4] == b"PNG", "base64_bytes": len(text)}
