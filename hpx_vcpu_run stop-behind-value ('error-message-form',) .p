                         "hr=%08lx.", hr);
