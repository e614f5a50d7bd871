"""What a decorated object still is."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import sys
import typing
import weakref

import pytest

from fusewire import CircuitBreaker, Registry, circuit_breaker, registry

breaker = CircuitBreaker("identity")


@circuit_breaker(breaker)
def plain(a, b: int = 2, *rest: str, c, d=4, **more) -> float:
    """Documented."""
    return a


@circuit_breaker(breaker)
async def coroutine(a, b: int = 2) -> float:
    """Documented, too."""
    return a


class Service:
    def __init__(self, value):
        self.value = value

    @circuit_breaker(breaker)
    def method(self, x):
        return self.value, x

    @circuit_breaker(breaker)
    async def amethod(self, x):
        return self.value, x

    @circuit_breaker(breaker)
    @classmethod
    def outer_class(cls, x):
        return cls, x

    @classmethod
    @circuit_breaker(breaker)
    def inner_class(cls, x):
        return cls, x

    @circuit_breaker(breaker)
    @staticmethod
    def outer_static(x):
        return x

    @staticmethod
    @circuit_breaker(breaker)
    def inner_static(x):
        return x

    @property
    @circuit_breaker(breaker)
    def attribute(self):
        return self.value

    bound_partial = circuit_breaker(breaker)(functools.partialmethod(method, "partial"))


class Child(Service):
    def method(self, x):
        return ("child", super().method(x))


def test_name_doc_signature_and_annotations_are_the_functions_own():
    inner = plain.__wrapped__
    for name in "__name__", "__qualname__", "__module__", "__doc__":
        assert getattr(plain, name) == getattr(inner, name)
    assert inspect.signature(plain) == inspect.signature(inner)
    assert str(inspect.signature(plain)) == "(a, b: 'int' = 2, *rest: 'str', c, d=4, **more) -> 'float'"
    assert plain.__annotations__ == inner.__annotations__
    assert typing.get_type_hints(plain) == {"b": int, "rest": str, "return": float}
    assert plain.breaker is breaker
    assert inspect.unwrap(plain) is inner
    assert inspect.getsource(plain) == inspect.getsource(inner)
    assert inspect.getdoc(plain) == "Documented."


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 wraps in Python")
def test_the_functions_attributes_show_through():
    inner = plain.__wrapped__
    for name in "__code__", "__defaults__", "__kwdefaults__", "__globals__", "__closure__":
        assert getattr(plain, name) is getattr(inner, name)
    with pytest.raises(AttributeError):
        _ = plain.nothing_such


def test_own_attributes_are_taken_over_and_can_be_set():
    def function():
        pass

    function.mark = "kept"
    guarded = circuit_breaker(breaker)(function)
    assert guarded.mark == "kept"
    guarded.other = 1
    assert guarded.other == 1 and not hasattr(function, "other")


def test_inspect_knows_what_it_is():
    assert inspect.iscoroutinefunction(coroutine) and asyncio.iscoroutinefunction(coroutine)
    assert not inspect.iscoroutinefunction(plain) and not inspect.isgeneratorfunction(plain)
    assert inspect.isroutine(plain) and callable(plain)
    service = Service(1)
    assert inspect.iscoroutinefunction(service.amethod) and inspect.ismethod(service.amethod)
    assert inspect.iscoroutinefunction(Service.amethod)


def test_a_partial_object_of_a_coroutine_function_is_one():
    part = circuit_breaker(breaker)(functools.partial(coroutine.__wrapped__, 5))
    assert inspect.iscoroutinefunction(part)
    assert asyncio.run(part()) == 5
    plain_part = circuit_breaker(breaker)(functools.partial(divmod, 7))
    assert plain_part(2) == (3, 1) and not inspect.iscoroutinefunction(plain_part)


def test_callable_objects_are_decorated():
    class Plain:
        def __call__(self, x):
            return x

    class Slow:
        async def __call__(self, x):
            return x

    assert circuit_breaker(breaker)(Plain())(3) == 3
    slow = circuit_breaker(breaker)(Slow())
    assert inspect.iscoroutinefunction(slow) and asyncio.run(slow(3)) == 3
    assert circuit_breaker(breaker)(len)("abc") == 3


def test_it_binds_as_a_method():
    service = Service("mine")
    assert service.method(1) == ("mine", 1)
    assert Service.method(service, 1) == ("mine", 1)
    assert service.method.__self__ is service
    later = service.method
    assert later(2) == ("mine", 2)
    assert asyncio.run(service.amethod(3)) == ("mine", 3)
    assert Child("c").method(4) == ("child", ("c", 4))
    assert service.attribute == "mine"
    assert service.bound_partial() == ("mine", "partial")


def test_class_and_static_methods():
    for target in Service, Service(1):
        assert target.outer_class(1) == (Service, 1)
        assert target.inner_class(1) == (Service, 1)
        assert target.outer_static(2) == 2
        assert target.inner_static(2) == 2
    assert Child.outer_class(1) == (Child, 1)


def test_it_is_pickled_and_copied_by_name():
    assert pickle.loads(pickle.dumps(plain)) is plain
    assert pickle.loads(pickle.dumps(coroutine)) is coroutine
    assert copy.copy(plain) is plain and copy.deepcopy(plain) is plain
    assert pickle.loads(pickle.dumps(Service.method)) is Service.method


def test_it_can_be_referred_to_weakly_and_hashed():
    guarded = circuit_breaker(breaker)(lambda: None)
    assert weakref.ref(guarded)() is guarded
    assert {guarded: 1}[guarded] == 1
    assert guarded != circuit_breaker(breaker)(lambda: None)


def test_help_teaches():
    import pydoc

    text = pydoc.render_doc(circuit_breaker, renderer=pydoc.plaintext)
    for word in "ignore", "fallback", "failure_result", "CircuitOpenError", "generator":
        assert word in text
    assert "Documented." in pydoc.render_doc(plain, renderer=pydoc.plaintext)
    assert "failure_threshold" in pydoc.render_doc(CircuitBreaker, renderer=pydoc.plaintext)


def test_guards_nest():
    outer, inner = CircuitBreaker("outer"), CircuitBreaker("inner")
    both = circuit_breaker(outer)(circuit_breaker(inner)(len))
    assert both("ab") == 2
    assert outer.snapshot().totals.success == inner.snapshot().totals.success == 1


def test_a_name_takes_the_breaker_of_that_name():
    home = Registry()
    first = circuit_breaker("shared", registry=home, failure_threshold=2)(len)
    second = circuit_breaker("shared", registry=home)(len)
    assert first.breaker is second.breaker is home["shared"]
    assert "shared" not in registry


def test_without_a_name_it_is_the_functions():
    home = Registry()
    guarded = circuit_breaker(registry=home)(Service.outer_static)
    assert guarded.breaker.name == f"{__name__}.Service.outer_static"
