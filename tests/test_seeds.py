from benchmark.seeds import derive, generator


def test_the_same_seed_and_names_give_the_same_number_on_every_machine() -> None:
    assert derive(0, "weights", "cnn") == 2231381968


def test_other_names_give_other_streams() -> None:
    assert derive(0, "a", "b") != derive(0, "ab")
    assert derive(0, "a") != derive(1, "a")


def test_generators_of_the_same_names_draw_the_same() -> None:
    first, second = generator(3, "split"), generator(3, "split")
    assert first.random(5).tolist() == second.random(5).tolist()
