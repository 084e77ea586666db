def main():
    return {"value": 42}
