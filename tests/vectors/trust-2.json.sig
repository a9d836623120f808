{
  "payload_type": "application/vnd.polity.trust.v1+json",
  "signatures": [
    {
      "key": "34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf42866505f3c97e",
      "signature": "c5e2665535f65b733cc0b0a787660c21a5ba6cf71ca8c08be2a222ceb395b21f8d22aa893f05bfb1625fa150e7f83fe5b9a7855ac278e241a0501e09a9b5ed0e"
    },
    {
      "key": "fdf72a088f18f7399e8c52bce448441501f759a595a86980e5d9a422a01e5d55",
      "signature": "cd03706a485e656204cbf7dd947ded6c5a8e9fd2b59dfdd631708a3199ca8a2b8c78d53b5ae764bf45785684548b3d98d953018d4b63cad0c488e32df3ec4208"
    }
  ]
}
