/* examples: scripts for the menu. The first four are those of the README. */

export const EXAMPLES = [
    ['Basic', `def main():
    return {"message": "Hello from Cloud Run!", "value": 42}
`],
    ['NumPy', `import numpy as np

def main():
    arr = np.array([1,2,3,4,5])
    return {"mean": float(np.mean(arr)), "sum": int(np.sum(arr)), "std": float(np.std(arr))}
`],
    ['Pandas', `import pandas as pd

def main():
    df = pd.DataFrame({"name": ["Alice", "Bob", "Charlie"], "age": [25, 30, 35]})
    return {"shape": list(df.shape), "mean_age": float(df.age.mean()), "names": df.name.tolist()}
`],
    ['Stdout capture', `def main():
    print("Starting calculation...")
    result = sum(range(100))
    print(f"Sum of 0-99: {result}")
    print("Calculation complete!")
    return {"sum": result, "count": 100}
`],
    ['Figure', `import matplotlib.pyplot as plt
import numpy as np

def main():
    x = np.linspace(0, 4 * np.pi, 300)
    plt.plot(x, np.sin(x), label="sin")
    plt.plot(x, np.sin(x) * np.exp(-x / 6), label="damped")
    plt.legend()
    plt.show()
    return {"points": len(x)}
`],
    ['Output while it runs', `import time

def main():
    for step in range(1, 11):
        print(f"step {step} of 10")
        time.sleep(0.5)
    return "done"
`],
    ['An error', `def divide(a, b):
    return a / b

def main():
    print("before")
    return divide(1, 0)
`],
];
