import pandas as pd


def main():
    frame = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo", "Bern"] * 5, "sold": range(20), "price": [1.5, 2.0, 2.5, 4.0] * 5})
    frame["total"] = frame["sold"] * frame["price"]
    by_city = frame.groupby("city")["total"].sum()
    return {"shape": list(frame.shape), "by_city": by_city.to_dict(), "best": frame.sort_values("total").iloc[-1]["city"]}
