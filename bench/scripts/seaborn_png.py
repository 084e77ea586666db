import base64
import io

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns


def main():
    frame = pd.DataFrame({"day": ["Mon", "Tue", "Wed", "Thu"] * 6, "bill": [(7 * i) % 23 + 0.5 for i in range(24)]})
    axes = sns.boxplot(data=frame, x="day", y="bill")
    axes.set_title("Bills")
    image = io.BytesIO()
    axes.figure.savefig(image, format="png")
    plt.close("all")
    text = base64.b64encode(image.getvalue())
    return {"is_png": image.getvalue()[1:4] == b"PNG", "base64_bytes": len(text)}
