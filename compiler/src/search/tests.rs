//! One cell at a time: small repositories, an outcome asked for, and the call that comes out.
