//! Small programs to be supervised.
