#include "irqchip/arm64/translation_cache.hpp"

#include <boost/test/unit_test.hpp>

using namespace irqbench::irqchip::arm64;

namespace {

TranslationCache::Entry to(std::uint32_t intid, std::uint16_t collection = 0) {
    return {collection, {0, intid}};
}

std::uint32_t found(const TranslationCache& cache, std::uint32_t device, std::uint32_t event) {
    const Translation* translation = cache.find(device, event);
    return translation == nullptr ? 0 : translation->intid;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(translation_cache)

BOOST_AUTO_TEST_CASE(an_event_of_a_device_is_found_until_it_is_forgotten) {
    TranslationCache cache;
    cache.insert(1, 2, to(8192));
    cache.insert(2, 1, to(8193));
    BOOST_TEST(found(cache, 1, 2) == 8192);
    BOOST_TEST(found(cache, 2, 1) == 8193);
    BOOST_TEST(found(cache, 1, 1) == 0);
    cache.insert(1, 2, to(8194));
    BOOST_TEST(found(cache, 1, 2) == 8194);
    cache.forget(1, 2);
    cache.forget(1, 1);
    BOOST_TEST(found(cache, 1, 2) == 0);
    BOOST_TEST(found(cache, 2, 1) == 8193);
    cache.clear();
    BOOST_TEST((cache == TranslationCache()));
}

BOOST_AUTO_TEST_CASE(a_device_and_a_collection_are_forgotten_as_a_whole) {
    TranslationCache cache;
    for (std::uint32_t device = 0; device < 3; ++device)
        for (std::uint16_t event = 0; event < 4; ++event)
            cache.insert(device, event, to(8192 + 4 * device + event, event));
    cache.forget_device(1);
    cache.forget_collection(2);
    for (std::uint32_t device = 0; device < 3; ++device)
        for (std::uint32_t event = 0; event < 4; ++event)
            BOOST_TEST(found(cache, device, event) ==
                       (device == 1 || event == 2 ? 0 : 8192 + 4 * device + event));
}

BOOST_AUTO_TEST_CASE(it_keeps_as_many_events_as_there_are_lpis_at_most) {
    TranslationCache cache;
    constexpr std::uint32_t limit = 1U << 16;
    for (std::uint32_t event = 0; event < limit; ++event)
        cache.insert(event >> 10, event & 1023, to(event + 1));
    BOOST_TEST(found(cache, 0, 0) == 1);
    BOOST_TEST(found(cache, 63, 1023) == limit);
    // The next one begins anew.
    cache.insert(64, 0, to(8192));
    BOOST_TEST(found(cache, 64, 0) == 8192);
    BOOST_TEST(found(cache, 0, 0) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
