#define BOOST_TEST_MODULE irqbench
#include <boost/test/unit_test.hpp>
