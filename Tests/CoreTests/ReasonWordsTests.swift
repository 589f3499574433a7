import Core
import Testing

/// Words that say something else than the numbers do.
struct ReasonWordsTests {
    private func said(
        _ reasons: [(String, Double, Double?)], _ language: String = "",
        _ effect: ReasonWords.Effect = .probability,
        gap: Double? = nil
    ) -> String? {
        ReasonWords(.init(language), effect: effect).sentence(
            reasons.map { Trigger.Reason(feature: $0.0, value: $0.1, contribution: $0.2) }, usualGap: gap)
    }

    @Test func `days without a purchase are held against the usual gap`() {
        let reasons: [(String, Double, Double?)] = [
            ("days_since_last_event", 12.4, nil), ("days_since_last", 41, nil),
            ("interval_mean_d", 20.4, nil),
        ]
        #expect(
            said(reasons) == "nothing seen for 12 days, no purchase for 41 days, twice the usual gap of 20")
        #expect(said(reasons, "ko") == "12일 동안 활동 없음, 41일 동안 구매 없음(평소 간격 20일의 2배)")
        #expect(
            said([("days_since_last", 41, nil)], gap: 41)
                == "no purchase for 41 days, about the usual gap of 41")
        #expect(
            said([("days_since_last", 41, nil)], gap: 10)
                == "no purchase for 41 days, 4.1 times the usual gap of 10")
        #expect(
            said([("days_since_last", 5, nil)], gap: 10) == "no purchase for 5 days, the usual gap being 10")
        #expect(said([("days_since_last", 1, nil)]) == "no purchase for 1 day")
        #expect(said([("days_since_last", 0, nil)], gap: 10) == "bought today")
    }

    @Test func `what moved a model is told by its direction`() {
        let reasons: [(String, Double, Double?)] = [
            ("frequency", 3, -0.4), ("days_since_last", 30, 0.3), ("revenue", 1234.5, 0.2),
            ("share_7d", 0.25, 0.1),
            ("hour", 9, 0.05),
        ]
        #expect(
            said(reasons) == "raising it: no purchase for 30 days, 1235 spent in all, share 7d 0.3; "
                + "lowering it: 3 days of repeat purchases")
        #expect(said([("interval_mean_d", 9, 0.1)], "ko-KR", .date) == "늦추는 요인: 평소 구매 간격 9일")
        #expect(
            said([("interval_mean_d", 9, -0.1)], "", .date)
                == "making it sooner: a usual gap of 9 days between purchases")
    }

    @Test(arguments: [
        (0.0, "seen just now"), (1.0 / 24, "nothing seen for 1 hour"), (0.02, "nothing seen for 28 minutes"),
        (1.5, "nothing seen for 36 hours"), (14, "nothing seen for 14 days"),
    ])
    func `silence is told in the unit that fits`(days: Double, text: String) {
        #expect(said([("days_since_last_event", days, nil)]) == text)
    }

    @Test func `names of conditions are told by their last part, and nothing of nothing`() {
        #expect(said([("rfm.days_since_last", 40, nil)]) == "no purchase for 40 days")
        #expect(said([]) == nil)
        #expect(said([("x", .nan, nil)]) == nil)
    }
}
