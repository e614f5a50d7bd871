//! Python values as the core's document.

use crate::clock::nanos;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDelta, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Map, Number, Value};

/// How deep tables may lie in each other; no document needs more than two.
const DEPTH: usize = 8;

/// A value as JSON. What JSON does not have goes as its text, which the core then refuses by key.
fn value(given: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let text = |given: &Bound<'_, PyAny>| -> PyResult<Value> { Ok(Value::String(given.repr()?.to_string())) };
    if depth == 0 {
        return text(given);
    }
    Ok(if given.is_none() {
        Value::Null
    } else if let Ok(flag) = given.cast::<PyBool>() {
        Value::Bool(flag.is_true())
    } else if given.is_instance_of::<PyInt>() {
        match (given.extract::<i64>(), given.extract::<u64>()) {
            (Ok(n), _) => n.into(),
            (_, Ok(n)) => n.into(),
            _ => return text(given),
        }
    } else if let Ok(number) = given.cast::<PyFloat>() {
        match Number::from_f64(number.value()) {
            Some(number) => Value::Number(number),
            None => return text(given),
        }
    } else if let Ok(string) = given.cast::<PyString>() {
        Value::String(string.to_string_lossy().into_owned())
    } else if given.is_instance_of::<PyDelta>() {
        match nanos("duration", given) {
            Ok(nanos) => Value::String(format!("{nanos}ns")),
            Err(_) => return text(given),
        }
    } else if let Ok(list) = given.cast::<PyList>() {
        list.iter().map(|item| value(&item, depth - 1)).collect::<PyResult<_>>()?
    } else if let Ok(tuple) = given.cast::<PyTuple>() {
        tuple.iter().map(|item| value(&item, depth - 1)).collect::<PyResult<_>>()?
    } else if let Ok(mapping) = given.cast::<PyMapping>() {
        Value::Object(table(mapping, depth - 1)?)
    } else {
        return text(given);
    })
}

fn table(mapping: &Bound<'_, PyMapping>, depth: usize) -> PyResult<Map<String, Value>> {
    let mut table = Map::new();
    for item in mapping.items()?.iter() {
        let (key, given): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        table.insert(key.str()?.to_string_lossy().into_owned(), value(&given, depth)?);
    }
    Ok(table)
}

/// Without the entries that are `None`: an argument that was not given.
fn without_none(table: Map<String, Value>) -> Map<String, Value> {
    let entries = table.into_iter().filter(|(_, value)| !value.is_null());
    entries
        .map(|(key, value)| match value {
            Value::Object(inner) => (key, Value::Object(without_none(inner))),
            other => (key, other),
        })
        .collect()
}

/// The document that keyword arguments make. `None` is what was not given.
pub(crate) fn of_options(options: &Bound<'_, PyDict>) -> PyResult<String> {
    Ok(Value::Object(without_none(table(options.as_mapping(), DEPTH)?)).to_string())
}

/// A document: JSON text, or a mapping that is taken as it stands.
pub(crate) fn of_document(document: &Bound<'_, PyAny>) -> PyResult<String> {
    match document.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => Ok(value(document, DEPTH)?.to_string()),
    }
}

/// A JSON value as Python objects.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
            (Some(n), _, _) => n.into_pyobject(py)?.into_any(),
            (_, Some(n), _) => n.into_pyobject(py)?.into_any(),
            (_, _, n) => n.unwrap_or(f64::NAN).into_pyobject(py)?.into_any(),
        },
        Value::String(text) => PyString::new(py, text).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Object(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(key, to_python(py, value)?)?;
            }
            dict.into_any()
        }
    })
}

/// The JSON schema of the configuration document.
#[pyfunction]
pub(crate) fn schema() -> String {
    fusewire::schema()
}
